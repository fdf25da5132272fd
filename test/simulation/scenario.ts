import { Random } from './random.ts';

/** What may happen to one call of a process to the outside. */
export type Fault =
  /** The answer, or the call, takes a while. */
  | 'slow'
  /** It takes so long that patience ends. */
  | 'very slow'
  /** It never arrives: unreachable. */
  | 'lost before'
  /** It has its effect and the answer is lost. */
  | 'lost after'
  /** It arrives twice, one after the other. */
  | 'twice'
  /** The process is killed before it, or after it had its effect. */
  | 'crash'
  /** The process is suspended before it, or after it had its effect, for longer than its locks live. */
  | 'suspend'
  /** The process is suspended when its request is on the way and not yet at the provider: it arrives when the process goes on. */
  | 'stall'
  /** The line is said not to be ready, or the look-up cannot tell. */
  | 'unsure';

/** Nothing goes wrong. */
export const FAIR: Record<Fault, number> = {
  slow: 0,
  'very slow': 0,
  'lost before': 0,
  'lost after': 0,
  twice: 0,
  crash: 0,
  suspend: 0,
  stall: 0,
  unsure: 0,
};

/** Everything that one seed decides before the first step. */
export interface Scenario {
  seed: number;
  /** Recipients of each campaign; all campaigns share the line. */
  campaigns: number[];
  delaySeconds: number;
  batchSize: number;
  batchPauseSeconds: number;
  concurrency: number;
  /** How likely each fault is at one call. */
  faults: Record<Fault, number>;
  /** Share of the numbers that the provider refuses. */
  refused: number;
  /** Share of the contacts who want no messages at first. Where there are some, now and then one changes their mind. */
  optedOut: number;
  /** Now and then the database goes back to what it was, as after a fail-over or from a backup. */
  goesBack: boolean;
  /** Share of the first calls for a message that do not go well. */
  trouble: number;
  /** An accepted message is listed this much later. */
  listedAfterMs: number;
  /** The list says when it took a message. */
  tellsAge: boolean;
  /** A list lacks a message that it should show this often. */
  listLoses: number;
  /** Share of the answers that should confirm a message and say something else. */
  unexpected: number;
  /** A message whose answer is lost arrives up to this much later. */
  arrivesAfterMs: number;
  /** Whether a process can see that another is over, as on one machine, or cannot, as from another. */
  fateOfOthers: 'running' | 'unknowable';
  /** Checkpoints are in the database itself, and away when it is. */
  inDatabase: boolean;
  /** Some processes keep their checkpoints in another store than the others. */
  twoStores: boolean;
  /** Processes that the operator starts while things go wrong. */
  starts: number;
  /** What the operator and the world do besides, every now and then. */
  deeds: Deed[];
  deedsEveryMs: number;
}

/** What happens to a process, a store or the machine at any moment, not only at a call. */
export type Deed =
  | 'kill'
  | 'suspend'
  | 'signal'
  | 'second signal'
  | 'pause'
  | 'wipe'
  | 'cut'
  | 'clock forward'
  | 'clock back'
  | 'second run';

/** The scenario of a seed. Each fault is in about half of the scenarios, so that some combinations of few are seen often. */
export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed);
  // Drawn apart, so that a seed stays what it was.
  const apart = new Random(seed ^ 0x0b7);
  const later = new Random(seed ^ 0x115);
  const optedOut = apart.pick([0, 0, 0, 0.2, 0.9]);
  // So many that those who are left out could hide those who were sent to.
  const crowd = optedOut === 0.9 && apart.chance(0.5) ? [apart.int(100, 250)] : null;
  const often = (...rates: number[]) => (random.chance(0.5) ? 0 : random.pick(rates));
  const faults: Record<Fault, number> = {
    slow: often(0.02, 0.1, 0.4),
    'very slow': often(0.002, 0.01),
    'lost before': often(0.005, 0.03),
    'lost after': often(0.005, 0.03),
    twice: often(0.02, 0.2),
    crash: often(0.002, 0.01, 0.03),
    suspend: often(0.002, 0.01),
    stall: often(0.01, 0.1),
    unsure: often(0.02, 0.2),
  };
  const fateOfOthers = random.chance(0.75) ? 'running' : 'unknowable';
  const drawn: Deed[] = (
    ['kill', 'suspend', 'signal', 'second signal', 'pause', 'wipe', 'cut', 'clock forward', 'second run'] as const
  ).filter(() => random.chance(0.4));
  const inDatabase = apart.chance(0.4);
  const twoStores = faults.stall === 0 && !inDatabase && apart.chance(0.4);
  // What nobody can know of: a request on the way whose claim is wiped, or seems old because the clock was set forward.
  const unknown: Deed[] = faults.stall === 0 ? [] : fateOfOthers === 'unknowable' ? ['wipe', 'clock forward'] : ['wipe'];
  const deeds = drawn.filter((deed) => !unknown.includes(deed));
  // A clock that is set back keeps a suspended process from seeing that its claim is too old: not both at once.
  const suspends = faults.suspend > 0 || faults.stall > 0 || deeds.includes('suspend') || fateOfOthers === 'unknowable';
  if (!suspends && random.chance(0.3)) deeds.push('clock back');
  return {
    seed,
    campaigns: crowd ?? (random.chance(0.7) ? [random.int(1, 25)] : [random.int(1, 15), random.int(1, 15)]),
    delaySeconds: random.pick([0, 2, 2, 3]),
    batchSize: random.int(2, 12),
    batchPauseSeconds: random.pick([0, 5, 30]),
    concurrency: random.int(1, 6),
    faults,
    refused: random.pick([0, 0, 0.05, 0.2]),
    optedOut,
    // Both at once is not promised: then nothing is left that could tell.
    goesBack: !deeds.includes('wipe') && !inDatabase && !twoStores && apart.chance(0.4),
    trouble: random.pick([0, 0.1, 0.4]),
    listedAfterMs: later.chance(0.3) ? later.pick([12_000, 15_000, 25_000, 60_000]) : random.pick([0, 0, 1_000, 6_000]),
    listLoses: later.pick([0, 0, 0, 0.1, 0.4]),
    unexpected: later.pick([0, 0, 0.05, 0.5]),
    tellsAge: later.chance(0.5),
    arrivesAfterMs: random.pick([0, 0, 500, 3_000]),
    fateOfOthers,
    inDatabase,
    twoStores,
    starts: random.int(1, 5),
    deeds,
    deedsEveryMs: random.pick([5_000, 30_000, 120_000]),
  };
}
