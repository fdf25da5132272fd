import { type Dice, dice } from './dice.ts';

export const STORES = ['database', 'redis'] as const;
export const DATABASES = ['sqlite', 'postgres', 'mysql'] as const;

/** Where a round keeps what. */
export interface Ground {
  store: (typeof STORES)[number];
  database: (typeof DATABASES)[number];
}

/** What befalls a run, or what it runs on, in its middle. */
export type Blow =
  | 'nothing'
  | 'kill -9'
  | 'SIGTERM'
  | 'SIGINT'
  | 'SIGINT twice'
  | 'SIGHUP'
  | 'stopped for a moment'
  | 'stopped for longer than its lock lives'
  | 'wsend pause'
  | 'sandbox killed and started again'
  | 'the database away for a moment'
  | 'the database away until another run has taken over'
  | 'Redis killed and started again'
  | 'Redis emptied'
  | 'Redis and the run killed, and what Redis kept in its last second lost';

/** One start of the program and what befalls it. */
export interface Phase {
  /** What is started once the campaign exists; before that it is made of the file. */
  command: 'resume' | 'run' | 'resume --all' | 'retry' | 'reconcile';
  /** Two at the same instant. */
  twins: boolean;
  /** The checkpoint is lost before it. */
  wiped: boolean;
  /** Its checkpoint is in the database, and not in Redis as that of the others; of two, that of the second. */
  elsewhere: boolean;
  /** `wsend status` is read half-way to the blow. */
  watched: boolean;
  /** Switched on in the sandbox before it, beside what is always on. */
  faults: Record<string, string>;
  blow: Blow;
  /** What `afterMs` is counted from: a blow at the start meets a run that gets ready. */
  from: 'the start' | 'the first send';
  /** From there to the blow, in milliseconds. */
  afterMs: number;
}

/** Everything that a seed decides about one round; only how long the machine takes for it is left to chance. */
export interface Plan extends Ground {
  seed: number;
  recipients: number;
  /** Two of three want no messages. */
  crowd: boolean;
  /** D in milliseconds. */
  delayMs: number;
  /** Faults that stay to the end: they decide who can be reached at all. */
  lasting: Record<string, string>;
  phases: Phase[];
}

/** What is switched off before the last, undisturbed runs. */
export const CALM = Object.fromEntries(
  [
    'latency',
    'throttle',
    'offline',
    'errorBefore',
    'errorAfter',
    'resetBefore',
    'resetAfter',
    'slow',
    'truncate',
    'lookupDelay',
    'lookupFail',
  ]
    .map((name) => [name, '0'])
    .concat([['refuse', 'nothing']]),
) as Record<string, string>;

/** The plan of a seed. One in eight is slow, with few recipients: a single gap under the delay shows there. */
export function planOf(seed: number, ground: Ground): Plan {
  const luck = dice(seed);
  const slow = luck.chance(0.12);
  const phases = Array.from({ length: luck.between(2, 5) }, (_, i) => phaseOf(luck, { ground, first: i === 0, slow }));
  // A retry of what was accepted and failed later is a second message on purpose; where nobody retries, some do fail later.
  const failLater = luck.chance(0.2) && phases.every(({ command }) => command !== 'retry');
  return {
    seed,
    ...ground,
    // Drawn apart, so that a seed stays what it was.
    crowd: !slow && dice(seed + 1e9).chance(0.25),
    recipients: slow ? luck.between(8, 14) : luck.between(50, 150),
    delayMs: slow ? 900 : luck.pick([10, 20, 20, 40]),
    lasting: { seed: String(luck.between(1, 1e6)), reject: '*0000', retryAfter: '1', slowBy: '2500', failLater: failLater ? '0.05' : '0' },
    phases,
  };
}

/** Whether the recipient of a line wants no messages. */
export function isOut({ crowd }: Plan, line: number): boolean {
  return crowd && line % 3 !== 2;
}

function phaseOf(luck: Dice, { ground, first, slow }: { ground: Ground; first: boolean; slow: boolean }): Phase {
  const blow = luck.pick<Blow>([
    ...many('kill -9', 14),
    ...many('stopped for a moment', 2),
    ...(ground.store === 'redis' ? REDIS : []),
    ...many('sandbox killed and started again', 2),
    ...many('SIGTERM', 2),
    ...(luck.chance(0.25) ? (['stopped for longer than its lock lives'] as const) : []),
    ...(ground.database === 'sqlite' ? [] : many('the database away for a moment', 2)),
    ...(ground.database !== 'sqlite' && luck.chance(0.3) ? (['the database away until another run has taken over'] as const) : []),
    ...['SIGINT', 'SIGINT twice', 'SIGHUP', 'wsend pause', 'nothing'],
  ] as [Blow, ...Blow[]]);
  return {
    command: luck.pick(['resume', 'resume', 'resume', 'resume', 'run', 'resume --all', 'retry', 'reconcile']),
    twins: luck.chance(0.15),
    wiped: !first && !slow && luck.chance(0.08),
    elsewhere: ground.store === 'redis' && luck.chance(0.15),
    watched: luck.chance(0.25),
    faults: { ...CALM, ...faultsOf(luck) },
    blow,
    ...(luck.chance(0.25)
      ? { from: 'the start', afterMs: luck.between(20, 700) }
      : { from: 'the first send', afterMs: luck.between(0, slow ? 4_000 : 900) }),
  };
}

/** Each twice as likely as one of the rarer blows. */
const REDIS: Blow[] = (
  ['Redis killed and started again', 'Redis emptied', 'Redis and the run killed, and what Redis kept in its last second lost'] as const
).flatMap((blow) => many(blow, 2));

/** A few of the faults, each often enough to strike in a short round. Look-ups lag less than they are asked for. */
function faultsOf(luck: Dice): Record<string, string> {
  const share = () => String(luck.pick([0.03, 0.08, 0.2]));
  const faults: Record<string, () => string> = {
    latency: () => luck.pick(['5-60', '0-300', '150']),
    throttle: () => '0.02',
    errorBefore: share,
    errorAfter: share,
    resetBefore: share,
    resetAfter: share,
    slow: () => '0.03',
    truncate: share,
    lookupDelay: () => String(luck.between(50, 350)),
    lookupFail: () => luck.pick(['0.1', '0.5']),
  };
  const chosen = Object.entries(faults).flatMap(([name, value]) => (luck.chance(0.3) ? [[name, value()]] : []));
  if (luck.chance(0.03)) chosen.push(['offline', '1']);
  if (luck.chance(0.04)) chosen.push(['refuse', luck.pick(['key', 'plan', 'device'])]);
  return Object.fromEntries(chosen);
}

function many(blow: Blow, times: number): Blow[] {
  return Array.from({ length: times }, () => blow);
}
