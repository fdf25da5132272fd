import { campaignName, keptOf, readCheckpoint } from '../../src/core/checkpoint.ts';
import type { EpochMs } from '../../src/core/units.ts';
import type { Processes } from '../../src/ports/leases.ts';
import { MemoryEntries } from '../support/memory-entries.ts';
import { type LeaseRow, MemoryLeases } from '../support/memory-leases.ts';
import { MemoryOptOuts } from '../support/memory-opt-outs.ts';
import { MemoryProvider } from '../support/memory-provider.ts';
import { MemoryStore, type Row } from '../support/memory-store.ts';
import { SimClock } from '../support/sim-clock.ts';
import { behaviourOf, refusal } from './provider-fates.ts';
import { Random } from './random.ts';
import type { Scenario } from './scenario.ts';
import { Witness } from './witness.ts';

/** What outlives every process: time, the operator's database, the checkpoint, the provider, and who watches. */
export interface Shared {
  scenario: Scenario;
  random: Random;
  clock: SimClock;
  /** The clock as it would be had nobody set it back. */
  trueNow: () => EpochMs;
  /** The clock of the checkpoint's server, which nobody sets. */
  serverNow: () => EpochMs;
  /** Sets the clock of the machine that the processes run on. */
  setClock: (byMs: number) => void;
  stores: Map<number, MemoryStore>;
  leases: MemoryLeases;
  /** Stores of checkpoints: the one that most processes use, and another one that some do. */
  entries: [MemoryEntries, MemoryEntries];
  provider: MemoryProvider;
  optOuts: MemoryOptOuts;
  /** The database as it was at some moments: what it goes back to. */
  backups: Backup[];
  /** The phones of those who want no messages now. */
  out: Set<string>;
  refuses: (phone: string) => boolean;
  witness: Witness;
  trace: (line: string) => void;
  /** Processes begun. */
  started: number;
  /** Tokens of processes that have ended. */
  over: Set<string>;
  /** What one process can see of another. */
  fateOf: Processes['fate'];
  /** True once nothing goes wrong any more. */
  calm: boolean;
}

/** Rows and statuses of all campaigns, and who had which lease. */
interface Backup {
  stores: Map<number, { rows: Row[]; status: string }>;
  leases: ReadonlyMap<string, LeaseRow>;
}

const FIRST_CAMPAIGN = 42;

/** A world in which nothing has happened yet. */
export function sharedOf(scenario: Scenario, tell: (line: string) => void): Shared {
  const random = new Random(scenario.seed ^ 0x5eed);
  const clock = new SimClock();
  clock.choose = (count) => random.int(0, count - 1);
  const begin = clock.now();
  let setBack = 0;
  let setForward = 0;
  const serverNow = () => clock.now() + setBack - setForward;
  const shared: Shared = {
    scenario,
    random,
    clock,
    trueNow: () => clock.now() + setBack,
    serverNow,
    setClock(byMs) {
      if (byMs < 0) setBack -= byMs;
      else setForward += byMs;
      clock.step(byMs);
    },
    stores: new Map(scenario.campaigns.map((count, i) => [FIRST_CAMPAIGN + i, new MemoryStore(count, { id: FIRST_CAMPAIGN + i })])),
    leases: new MemoryLeases(serverNow),
    entries: [new MemoryEntries(serverNow), new MemoryEntries(serverNow)],
    provider: new MemoryProvider(clock, serverNow),
    optOuts: new MemoryOptOuts(),
    backups: [],
    out: new Set(),
    refuses: refusal(scenario),
    witness: undefined as unknown as Witness,
    trace: (line) => tell(`${((serverNow() - begin) / 1_000).toFixed(3).padStart(10)} ${line}`),
    started: 0,
    over: new Set(),
    fateOf: ({ token }) => (scenario.fateOfOthers === 'running' && shared.over.has(token) ? 'over' : scenario.fateOfOthers),
    calm: false,
  };
  shared.witness = new Witness(shared);
  furnish(shared);
  return shared;
}

/** The provider behaves as the scenario says, and everything that counts is witnessed. */
function furnish(shared: Shared): void {
  const { scenario, random, provider, stores, witness, trace } = shared;
  const unsure = () => !shared.calm && random.chance(scenario.faults.unsure);
  provider.loses = () => !shared.calm && random.chance(scenario.listLoses);
  provider.behave = behaviourOf(shared);
  provider.lookUpFault = () => (unsure() ? { kind: 'unsure', reason: 'it does not say', reachable: random.chance(0.5) } : null);
  provider.lineState = () =>
    unsure()
      ? random.pick([
          { kind: 'waiting', reason: 'offline' },
          { kind: 'unreachable', reason: 'no answer' },
        ])
      : { kind: 'ready', name: 'x' };
  provider.onAccept = ({ reference, phone }) => {
    trace(`accepted ${reference}`);
    witness.accepted(reference, phone);
  };
  for (const [campaign, store] of stores) {
    const record = store.record.bind(store);
    store.record = async (id, results) => {
      await record(id, results);
      const touched = new Set(results.map(({ message }) => message));
      for (const row of store.rows) if (touched.has(row.message)) witness.recorded(campaign, row);
    };
  }
}

/** What the store of the campaign's last run keeps of it. */
export function keptBy({ leases, entries }: Shared, campaign: number) {
  const name = campaignName(campaign, 'message_1');
  const store = entries.find((one) => one.fields(name).get('known') === String(leases.rows.get(name)?.epoch));
  const checkpoint = readCheckpoint(store?.fields(name) ?? new Map());
  return { ...checkpoint, ...keptOf(checkpoint) };
}
