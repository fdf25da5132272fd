import { setTimeout as pause } from 'node:timers/promises';
import { type EpochMs, formatDuration, type Milliseconds, SECOND } from '../../core/units.ts';
import { HeldElsewhere, InfrastructureError } from '../../errors.ts';
import { type Clock, type DatabaseLock, LOCK_LIFE } from '../../ports.ts';
import { describeDatabaseError } from './database-errors.ts';

/** Another connection that has a lock. */
export interface Holder {
  what: 'campaign' | 'line';
  /** The server's number for it. */
  connection: number;
  /** As the server knows it, or an empty text. */
  who: string;
  /** How long it has said nothing, or null where the server does not tell. */
  silentMs: Milliseconds | null;
}

/** A connection of our own to a server database, for nothing but the two locks of one run. They last as long as it does. */
export interface LockSession {
  connection: number;
  /** Takes both locks or none; resolves to null, or to who has one of them. */
  take(): Promise<Holder | null>;
  /** Rejects when they are not ours any more. The server sees that we live. */
  beat(): Promise<void>;
  /** Ends another connection. Rejects when this user may not. */
  end(connection: number): Promise<void>;
  /** Calls `tell` when the connection is gone, for whatever reason. */
  onGone(tell: () => void): void;
  /** Leaves at once. */
  cut(): void;
  /** Says goodbye; the locks are free when it resolves. */
  close(): Promise<void>;
}

/** What a session lock needs to know. */
export interface SessionLockParts {
  open: () => Promise<LockSession>;
  campaign: number;
  /** The database as people know it. */
  name: string;
  clock: Clock;
  timing?: Timing;
}

/** How long things may take, all in milliseconds. */
export interface Timing {
  /** Between two signs of life. A connection that is ended from outside is noticed at once; this finds the ones that hang. */
  beatEvery: Milliseconds;
  /** The lock is surely ours for so long from a sign of life: less than the life of a silent one, by room for calls that are under way. */
  goodFor: Milliseconds;
  /** A holder that has been silent for so long is suspended or cut off, and its connection is ended: as long as the checkpoint's locks live. */
  silentFor: Milliseconds;
  /** A process that was killed is gone in milliseconds; for so long it is waited for. */
  vanishWithin: Milliseconds;
  /** How long a lost connection is made anew before the run ends: as long as the outbox waits for a database. */
  patience: Milliseconds;
}

const TIMING: Timing = {
  beatEvery: 2 * SECOND,
  goodFor: 10 * SECOND,
  silentFor: LOCK_LIFE,
  vanishWithin: 3 * SECOND,
  patience: 60 * SECOND,
};

/** Between two looks at a lock that another holds. */
const LOOK_EVERY: Milliseconds = 100;
/** Between two tries to connect. */
const CONNECT_EVERY: Milliseconds = 500;

/**
 * Takes the campaign's and the line's lock in a server database, and keeps them on a connection of their own until they are released. Rejects
 * with HeldElsewhere when another run has one. A lost connection is made anew and the locks are taken again; meanwhile they are not good.
 */
export async function sessionLock({ open, campaign, name, clock, timing = TIMING }: SessionLockParts): Promise<DatabaseLock> {
  const lost = new AbortController();
  let current: LockSession;
  let goodUntil: EpochMs = 0;
  let released = false;

  /** Connects and takes both; `before` is our own last connection, which may live on at the server without us. */
  const hold = async (before: number | null) => {
    const session = await open();
    try {
      await takeFrom(session, before);
    } catch (error) {
      session.cut();
      throw error;
    }
    if (released) return session.cut();
    current = session;
    session.onGone(() => void regain(session));
  };

  const takeFrom = async (session: LockSession, before: number | null) => {
    const giveUpAt = clock.now() + timing.vanishWithin;
    for (;;) {
      const asked = clock.now();
      const holder = await session.take();
      if (holder === null) {
        goodUntil = asked + timing.goodFor;
        return;
      }
      const isOver = holder.connection === before || (holder.silentMs !== null && holder.silentMs >= timing.silentFor);
      if (isOver) await session.end(holder.connection).catch(() => undefined);
      if (clock.now() >= giveUpAt) throw held(holder, campaign, name);
      await pause(LOOK_EVERY);
    }
  };

  const regain = async (gone: LockSession) => {
    if (gone !== current || released || lost.signal.aborted || goodUntil === 0) return;
    goodUntil = 0;
    gone.cut();
    const since = clock.now();
    while (!released && goodUntil === 0) {
      try {
        await hold(gone.connection);
      } catch (error) {
        goodUntil = 0;
        if (error instanceof HeldElsewhere || clock.now() - since >= timing.patience) return lost.abort(described(error, name));
        await pause(CONNECT_EVERY, undefined, { ref: false });
      }
    }
  };

  let beating = false;
  const beat = async () => {
    const session = current;
    if (beating || goodUntil === 0) return;
    beating = true;
    const asked = clock.now();
    try {
      await session.beat();
      if (session === current && goodUntil !== 0) goodUntil = asked + timing.goodFor;
    } catch {
      void regain(session);
    } finally {
      beating = false;
    }
  };

  await hold(null).catch((error) => {
    throw described(error, name);
  });
  const timer = setInterval(() => void beat(), timing.beatEvery).unref();
  return {
    goodUntil: () => goodUntil,
    lost: lost.signal,
    async release() {
      released = true;
      goodUntil = 0;
      clearInterval(timer);
      await current.close().catch(() => undefined);
    },
  };
}

function held({ what, who }: Holder, campaign: number, name: string): HeldElsewhere {
  const thing = what === 'campaign' ? `campaign ${campaign}` : 'the line';
  return new HeldElsewhere(
    `${thing} is held in ${name} by another run, perhaps from another folder or machine${who === '' ? '' : ` (${who})`}`,
    `Wait until it is done, or stop it where it runs; a run that died without a trace lets go after ${formatDuration(LOCK_LIFE)}.`,
  );
}

function described(error: unknown, name: string): unknown {
  if (error instanceof HeldElsewhere) return error;
  return describeDatabaseError(error, name, 'open') ?? new InfrastructureError(`cannot hold a lock in ${name}`, undefined, error);
}
