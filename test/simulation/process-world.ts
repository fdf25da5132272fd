import { resolveConfig } from '../../src/config.ts';
import { identityOf } from '../../src/core/campaign.ts';
import { campaignName } from '../../src/core/checkpoint.ts';
import type { Leases } from '../../src/ports/leases.ts';
import type { Provider } from '../../src/ports/provider.ts';
import { PROVIDERS } from '../../src/providers.ts';
import { viewOf } from '../../src/runs/view.ts';
import type { World } from '../../src/world.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { noOddTexts } from '../support/no-odd-texts.ts';
import { noRecentTexts } from '../support/no-recent-texts.ts';
import type { Scenario } from './scenario.ts';
import type { Shared } from './shared.ts';
import type { SimProcess } from './sim-process.ts';

/** The world as the commands of one process see it, for one campaign: all of it is shared, and every call is a point where anything may happen. */
export function processWorld(process: SimProcess, campaign: number, shared: Shared): World {
  const { witness, scenario } = shared;
  const leases = boundLeases(process, shared.leases);
  const entries = process.bind('checkpoint', shared.entries[process.store]);
  const store = process.bind('store', shared.stores.get(campaign) as object) as never;
  const clock = process.bind('clock', shared.clock);
  const provider = process.bind('provider', watched(shared, process));
  const quiet = { write: () => undefined, isTTY: false, columns: () => 80, idle: () => true, settled: async () => true };
  const env = environment(scenario);
  const data = {
    name: 'the simulated database',
    fitness: { require: async () => undefined, requireExactIds: async () => undefined, warnings: async () => [] },
    ownTables: { migrate: async () => undefined, sql: async () => '' },
    campaigns: store,
    recipients: store,
    imports: undefined as never,
    texts: noOddTexts,
    optOuts: process.bind('store', shared.optOuts),
    recentTexts: noRecentTexts,
    message2: () => undefined as never,
    replies: undefined as never,
  };
  const world: Partial<World> = {
    clock,
    sandbox: false,
    purpose: 'send',
    nextStep: (command) => command,
    outside: {
      stdout: quiet,
      stderr: quiet,
      env,
      interactive: false,
      onSignal(handler) {
        process.onSignal = handler;
        return () => {
          process.onSignal = null;
        };
      },
      onBug: () => undefined,
      ask: async () => '',
      leave: () => process.kill(),
    },
    config: (purpose, settings = {}) => resolveConfig({ flags: {}, campaign: settings, env, envFile: {} }, purpose, PROVIDERS),
    data: async () => data,
    dataToWrite: async () => data,
    leases: async () => leases,
    entries: async () => entries,
    async view(id, type = 'message_1') {
      const name = campaignName(id, type);
      const kept = await entries.view(name);
      const { campaign } = shared.stores.get(id) as MemoryStore;
      return viewOf((await leases.look([name])).get(name), kept, identityOf(campaign));
    },
    processes: async () => ({
      self: () => process.owner,
      end: () => undefined,
      fate: (owner) => shared.fateOf(owner),
    }),
    provider: async () => provider,
    report: async () => ({ tell: (event) => process.alive && witness.told(process, event) }),
    show: { result: () => undefined, aside: () => undefined } as never,
    leave: () => process.kill(),
  };
  return world as World;
}

function environment({ delaySeconds, batchSize, batchPauseSeconds, concurrency }: Scenario): Record<string, string> {
  return {
    WASSENGER_API_KEY: 'k'.repeat(40),
    WASSENGER_DEVICE_ID: 'a'.repeat(24),
    WASSENGER_RATE_LIMIT_SECONDS: String(delaySeconds),
    WASSENGER_MIN_DELAY_SECONDS: String(delaySeconds),
    WASSENGER_BATCH_SIZE: String(batchSize),
    WASSENGER_BATCH_PAUSE_SECONDS: String(batchPauseSeconds),
    WASSENGER_CONCURRENCY: String(concurrency),
  };
}

/** How long a request may be on the way; less than the ten minutes after which a claim of a run that cannot be seen counts as over. */
const STALLS = [2_000, 40_000, 300_000];
/** What nobody learns of a request that went down with its process. */
const STALLED = { kind: 'unavailable', code: 'stalled', reason: 'the process is gone' } as const;

/** The provider, telling who writes what. */
function watched(shared: Shared, process: SimProcess): Provider {
  const { provider, witness, clock, random, scenario } = shared;
  return {
    name: provider.name,
    line: provider.line,
    lookUpsPerSecond: provider.lookUpsPerSecond,
    async send(message, slot) {
      if (!shared.calm && random.chance(scenario.faults.stall) && clock.now() <= slot.notAfter) {
        if ((await slot.opens) === false) return STALLED;
        slot.onStart?.(clock.now());
        const ms = random.pick(STALLS);
        process.suspend(ms);
        await clock.sleep(clock.now() + ms);
        return process.alive ? provider.send(message, { notAfter: Number.POSITIVE_INFINITY }) : STALLED;
      }
      let written = false;
      const onStart = (at: number) => {
        written = true;
        witness.wrote(process, message);
        slot.onStart?.(at);
      };
      const outcome = await provider.send(message, { ...slot, onStart });
      if (written) witness.answered(process);
      return outcome;
    },
    lookUp: (wanted) => provider.lookUp(wanted),
    list: null,
    askLine: () => provider.askLine(),
    close: () => provider.close(),
  };
}

function boundLeases(process: SimProcess, leases: Leases): Leases {
  const bound = process.bind('lease', leases);
  return {
    take: async (...wish) => {
      const answer = await bound.take(...wish);
      return 'lease' in answer ? { lease: process.bind('lease', answer.lease) } : answer;
    },
    look: (names) => bound.look(names),
    ask: (name, wish) => bound.ask(name, wish),
  };
}
