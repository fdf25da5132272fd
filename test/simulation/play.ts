import { campaignName } from '../../src/core/checkpoint.ts';
import { HOUR, SECOND } from '../../src/core/units.ts';
import type { Row } from '../support/memory-store.ts';
import { Random } from './random.ts';
import { type Deed, type Scenario, scenarioOf } from './scenario.ts';
import { keptBy, type Shared, sharedOf } from './shared.ts';
import type { SimProcess } from './sim-process.ts';
import { startProcess, type Verb } from './start-process.ts';
import { isLeftOut } from './witness.ts';

/** What one seed came to. */
export interface Played {
  scenario: Scenario;
  violations: string[];
  processes: number;
  written: number;
}

/** What is different from the seed's own play. */
interface Direction {
  trace?: (line: string) => void;
  /** Breaks the world before the play begins. */
  sabotage?: (shared: Shared) => void;
}

/** How often the campaigns are resumed once everything is calm. */
const LAST_RESUMES = 60;
/** Simulated time after which it will never end. */
const TOO_LONG = 96 * HOUR;
/** Between a wipe of the checkpoint under a living run and the next start: calls under its claims may begin for 10 s, and arrive and be listed later. */
const AFTER_WIPE = 25 * SECOND;

/** Plays the scenario of a seed to its end. */
export async function play(seed: number, { trace = () => undefined, sabotage = () => undefined }: Direction = {}): Promise<Played> {
  const scenario = scenarioOf(seed);
  const shared = sharedOf(scenario, trace);
  sabotage(shared);
  shared.provider.listedAfterMs = scenario.listedAfterMs;
  shared.provider.tellsAge = scenario.tellsAge;
  const theatre: Theatre = { shared, processes: [], noStartBefore: 0 };
  const never = shared.clock.sleep(shared.clock.now() + TOO_LONG).then(() => shared.witness.violated('it never ends'));
  const whole = wholePlay(theatre).catch((error) =>
    shared.witness.violated(`the play broke off: ${error instanceof Error ? error.stack : error}`),
  );
  try {
    await shared.clock.run(Promise.race([whole, never]));
  } catch (error) {
    shared.witness.violated(`it hangs: ${error instanceof Error ? error.message : error}`);
  }
  return { scenario, violations: shared.witness.violations, processes: theatre.processes.length, written: shared.witness.written };
}

interface Theatre {
  shared: Shared;
  processes: SimProcess[];
  noStartBefore: number;
}

async function wholePlay(theatre: Theatre): Promise<void> {
  const { shared } = theatre;
  const { random, scenario, clock } = shared;
  void doDeeds(theatre);
  void changeMinds(theatre);
  void goBackInTime(theatre);
  for (let i = 0; i < scenario.starts; i += 1) {
    await clock.sleep(clock.now() + theatre.noStartBefore - shared.trueNow());
    const verb = random.chance(0.8) ? 'resume' : random.pick(['reconcile', 'retry'] as const);
    const process = start(theatre, random.pick([...shared.stores.keys()]), verb);
    await Promise.race([process.over, wait(shared, random.pick([20, 60, 600, 1_800]) * SECOND)]);
    await wait(shared, random.pick([0, 0, 1, 18]) * SECOND);
  }
  await endAllRight(theatre);
}

/** Nothing goes wrong any more: whoever still runs comes to an end, and whatever is left is resumed. */
async function endAllRight(theatre: Theatre): Promise<void> {
  const { shared, processes } = theatre;
  shared.calm = true;
  shared.trace('CALM');
  for (const process of processes) process.wakeUp();
  await Promise.all(processes.map(({ over }) => over));
  await wait(shared, theatre.noStartBefore - shared.trueNow());
  for (let i = 0; i < LAST_RESUMES; i += 1) {
    const open = [...shared.stores].filter(([campaign]) => isOpen(shared, campaign));
    if (open.length === 0) return shared.witness.finished();
    for (const [campaign] of open) await start(theatre, campaign, 'resume').over;
    if (i > 2) await takeTheWord(theatre, open);
    // From another machine, a dead run's lock is waited for, and its claims count only after ten minutes.
    if (i > 0 && shared.scenario.fateOfOthers === 'unknowable') await wait(shared, 11 * 60 * SECOND);
    else await wait(shared, 16 * SECOND);
  }
  shared.witness.violated(`it is not done after ${LAST_RESUMES} resumes`);
  shared.witness.finished();
}

/** Nothing was ever accepted that a list could be known by: somebody looks at the phone, and says so. */
async function takeTheWord(theatre: Theatre, open: [number, unknown][]): Promise<void> {
  const isKnown = (campaign: number) =>
    theatre.shared.provider.accepted.some(({ reference }) => reference.startsWith(`wsend-${campaign}-`));
  for (const [campaign] of open) if (!isKnown(campaign)) await start(theatre, campaign, 'assume absent').over;
}

function isOpen(shared: Shared, campaign: number): boolean {
  const { stores, out } = shared;
  const isLeft = ({ status, phone, error }: Row) => status === 'pending' && !(out.has(phone) && isLeftOut(error));
  return keptBy(shared, campaign).header?.finished !== true || stores.get(campaign)?.rows.some(isLeft) === true;
}

function start(theatre: Theatre, campaign: number, verb: Verb): SimProcess {
  const process = startProcess(theatre.shared, campaign, verb);
  theatre.processes.push(process);
  return process;
}

/** Some want no messages from the start, and now and then somebody says stop, or wants them again. */
async function changeMinds({ shared }: Theatre): Promise<void> {
  const { scenario, stores, optOuts, out, trace } = shared;
  if (scenario.optedOut === 0) return;
  const random = new Random(scenario.seed ^ 0x0b7);
  const everybody = [...stores.values()].flatMap(({ rows }) => rows.map(({ phone }) => phone));
  const change = async (phone: string) => {
    if (!out.delete(phone)) out.add(phone);
    trace(`${phone} wants ${out.has(phone) ? 'no ' : ''}messages`);
    await optOuts.set([phone], out.has(phone), 'test');
  };
  for (const phone of everybody) if (random.chance(scenario.optedOut)) await change(phone);
  for (;;) {
    await wait(shared, random.int(1, 2 * scenario.deedsEveryMs));
    if (shared.calm) return;
    await change(random.pick(everybody));
  }
}

/** Backups of the database, and when nobody runs, one of them in its place. */
async function goBackInTime({ shared, processes }: Theatre): Promise<void> {
  const { scenario, stores, leases, backups, trace } = shared;
  if (!scenario.goesBack) return;
  const random = new Random(scenario.seed ^ 0xbac);
  for (;;) {
    await wait(shared, random.int(1, scenario.deedsEveryMs));
    if (shared.calm) return;
    if (backups.length > 0 && random.chance(0.6) && processes.every(({ alive }) => !alive)) {
      const backup = random.pick(backups);
      trace('THE DATABASE GOES BACK');
      for (const [id, { rows, status }] of backup.stores) {
        const store = stores.get(id);
        for (const [i, row] of rows.entries()) Object.assign(store?.rows[i] as object, row);
        Object.assign(store?.campaign as object, { status });
      }
      leases.restore(backup.leases);
      shared.witness.wentBack();
    }
    const now = [...stores].map(([id, { rows, campaign }]) => [id, { rows: structuredClone(rows), status: campaign.status }] as const);
    backups.push({ stores: new Map(now), leases: leases.copy() });
  }
}

/** What else happens, at any moment. */
async function doDeeds(theatre: Theatre): Promise<void> {
  const { shared } = theatre;
  const { random, scenario } = shared;
  while (scenario.deeds.length > 0) {
    await wait(shared, random.int(1, 2 * scenario.deedsEveryMs));
    if (shared.calm) return;
    const deed = random.pick(scenario.deeds);
    shared.trace(`DEED: ${deed}`);
    doDeed(theatre, deed);
  }
}

function doDeed(theatre: Theatre, deed: Deed): void {
  const { shared, processes } = theatre;
  const { random, entries, leases, stores, witness, scenario } = shared;
  const living = processes.filter(({ alive }) => alive);
  const campaign = random.pick([...stores.keys()]);
  const process = living.length > 0 ? random.pick(living) : undefined;
  const deeds: Record<Deed, () => void> = {
    kill: () => process?.kill(),
    suspend: () => process?.suspend(random.pick([5_000, 20_000, 100_000, 3_600_000])),
    signal: () => process?.suspended || process?.onSignal?.('SIGINT'),
    'second signal': () => {
      process?.onSignal?.('SIGTERM');
      process?.onSignal?.('SIGTERM');
    },
    pause: () => void leases.ask(campaignName(campaign, 'message_1'), 'pause'),
    cut: () => process?.cut(random.pick([3_000, 20_000, 45_000, 90_000]), scenario.inDatabase),
    wipe: () => {
      // A second run that is just starting would come between a claim and its call: only a lock in the database helps against that.
      if (living.length > 1) return;
      if (living.length > 0) theatre.noStartBefore = shared.trueNow() + AFTER_WIPE;
      for (const store of entries) store.wipe();
      if (scenario.inDatabase) leases.restore(new Map());
      witness.disturbed(true);
    },
    'clock forward': () => shared.setClock(random.pick([2_000, 20_000, 3_600_000])),
    'clock back': () => {
      shared.setClock(-random.pick([500, 20_000, 3_600_000]));
      witness.disturbed(false);
    },
    'second run': () => {
      if (shared.trueNow() >= theatre.noStartBefore) start(theatre, campaign, 'resume');
    },
  };
  deeds[deed]();
}

function wait({ clock }: Shared, ms: number): Promise<void> {
  return clock.sleep(clock.now() + ms);
}
