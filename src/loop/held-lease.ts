import { type EpochMs, type Milliseconds, SECOND } from '../core/units.ts';
import { DatabaseUnreachable } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Before, Lease, Wish } from '../ports/leases.ts';
import { WakeSignal } from './wake-signal.ts';

/** Between two signs of life. */
export const HEARTBEAT: Milliseconds = 2 * SECOND;
/** A lease is surely ours for this long after a sign of life was sent: less than LEASE_LIFE, by room for calls that are under way. */
export const SURE_FOR: Milliseconds = 10 * SECOND;

/** How long a database that does not answer is waited for when a lease is given back: it expires by itself. */
const RELEASE_PATIENCE: Milliseconds = 3 * SECOND;

/** A lease with its signs of life. It ends once: given back, or lost to another run, and is never taken again. */
export interface HeldLease {
  readonly epoch: number;
  /** What a name was before. */
  before(name: string): Before;
  /** How long ago at least the runs that had the name before can have begun a call; null where nobody ever had it. No step of the clock changes it. */
  quietFor(name: string): Milliseconds | null;
  /** The database went back in time, and knows less of them than there was: they were quiet when this lease was taken, and nobody knows since when. */
  wentBack(): void;
  /** Until when it is surely ours. In the past once that is not certain: nothing may be sent before `confirm`. */
  goodUntil(now: EpochMs): EpochMs;
  /** A sign of life now. Rejects with LeaseLost, or with DatabaseUnreachable when the database does not answer. */
  confirm(): Promise<void>;
  /** Aborted with the reason once it is lost for good. */
  readonly lost: AbortSignal;
  /** Calls `tell` with what others ask, within seconds. */
  onWish(tell: (name: string, wish: Wish) => void): void;
  /** Gives it back, after which no sign of life is sent any more; false where the database does not answer: then it expires. */
  release(): Promise<boolean>;
}

/**
 * Holds a lease that was asked for at `asked` (its answer may have come late) from now on. No clock of ours decides whether it is ours: however late
 * a sign of life is, the database says.
 */
export function holdLease(lease: Lease, clock: Clock, asked: EpochMs): HeldLease {
  const lost = new AbortController();
  const over = new WakeSignal();
  const held = clock.uptime();
  const before = (name: string): Before => lease.before.get(name) ?? { epoch: null, givenBack: false, silentMs: null };
  let isBehind = false;
  let going = true;
  let sureSince = asked;
  let releasing: Promise<boolean> | null = null;
  const told: { name: string; wish: Wish }[] = [];
  let tell: ((name: string, wish: Wish) => void) | null = null;
  let underWay: Promise<void> | null = null;

  const prolong = async () => {
    const issued = clock.now();
    const wishes = await lease.prolong();
    sureSince = issued;
    told.push(...wishes);
    if (tell !== null) for (const { name, wish } of told.splice(0)) tell(name, wish);
  };
  const confirm = (): Promise<void> => {
    underWay ??= prolong()
      .catch((error) => {
        if (!(error instanceof DatabaseUnreachable)) lost.abort(error);
        throw error;
      })
      .finally(() => {
        underWay = null;
      });
    return underWay;
  };
  const beat = async () => {
    while (going && !lost.signal.aborted) {
      await over.wait(clock, clock.now() + HEARTBEAT);
      // One that was not heard is repeated with the next; what needs the lease meanwhile asks for it.
      if (going) await confirm().catch(() => undefined);
    }
  };
  const beating = beat();

  const giveBack = async (): Promise<boolean> => {
    going = false;
    over.wake();
    let isGiven = false;
    const inTime = new AbortController();
    const give = async () => {
      await beating;
      if (!lost.signal.aborted) await lease.release();
      isGiven = true;
    };
    const given = give()
      .catch(() => undefined)
      .finally(() => inTime.abort());
    await Promise.race([given, clock.sleep(clock.now() + RELEASE_PATIENCE, inTime.signal)]);
    return isGiven;
  };

  return {
    epoch: lease.epoch,
    before,
    quietFor(name) {
      const { epoch, silentMs } = before(name);
      if (epoch === null && !isBehind) return null;
      const whenTaken = isBehind ? 0 : Math.max(0, (silentMs ?? 0) - SURE_FOR);
      return whenTaken + clock.uptime() - held;
    },
    wentBack() {
      isBehind = true;
    },
    // A sign of life from the future: the clock was set back, and nobody can tell how old it is.
    goodUntil: (now) => (!going || lost.signal.aborted || sureSince > now ? Number.NEGATIVE_INFINITY : sureSince + SURE_FOR),
    confirm,
    lost: lost.signal,
    onWish(listener) {
      tell = listener;
      for (const { name, wish } of told.splice(0)) tell(name, wish);
    },
    release() {
      releasing ??= giveBack();
      return releasing;
    },
  };
}
