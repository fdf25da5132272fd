import { setTimeout as pause } from 'node:timers/promises';
import type { MessageType } from '../../core/campaign.ts';
import { type EpochMs, formatDuration, MINUTE, type Milliseconds, SECOND } from '../../core/units.ts';
import { HeldElsewhere, InfrastructureError } from '../../errors.ts';
import { type Clock, type DatabaseLock, LOCK_LIFE } from '../../ports.ts';
import { describeDatabaseError } from './database-errors.ts';

/** Another connection that has a lock. */
export interface Holder {
  /** `otherLine`: the line, for the other type of message, and its checkpoint is kept elsewhere. */
  what: 'campaign' | 'line' | 'otherLine';
  /** The server's number for it. */
  connection: number;
  /** As the server knows it, or an empty text. */
  who: string;
  /** How long it has said nothing, or null where the server does not tell. */
  silentMs: Milliseconds | null;
}

/**
 * A connection of our own to a server database, for nothing but the locks of one run: campaign, line, and one that says where its checkpoint is
 * kept. They last as long as it does.
 */
export interface LockSession {
  connection: number;
  /** Takes both locks or none; resolves to null, or to who has one of them. */
  take(): Promise<Holder | null>;
  /** Who has the line for the other type of message and does not share our checkpoint store; null when there is nobody. */
  rival(): Promise<Holder | null>;
  /** Gives back what `take` took. */
  giveBack(): Promise<void>;
  /** Rejects when they are not ours any more. The server sees that we live, and tells whether somebody asks us to pause. */
  beat(): Promise<{ pauseRequested: boolean }>;
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
  /** What it is for. */
  type: MessageType;
  /** Notes that the line's pace is in our checkpoint store now; true when it may have been in another. */
  movePace: () => Promise<boolean>;
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
  /** A listener with another checkpoint store holds the line only while it sends a few Message 2: so long a run waits for it. */
  message2Within: Milliseconds;
  /** How long a lost connection is made anew before the run ends: as long as the outbox waits for a database. */
  patience: Milliseconds;
}

const TIMING: Timing = {
  beatEvery: 2 * SECOND,
  goodFor: 10 * SECOND,
  silentFor: LOCK_LIFE,
  vanishWithin: 3 * SECOND,
  message2Within: MINUTE,
  patience: 60 * SECOND,
};

/** Between two looks at a lock that another holds. */
const LOOK_EVERY: Milliseconds = 100;
/** Between two tries to connect. */
const CONNECT_EVERY: Milliseconds = 500;

/**
 * Takes the campaign's and the line's lock in a server database, and keeps them on a connection of their own until they are released. Rejects
 * with HeldElsewhere when another run has one. A lost connection is made anew and the locks are taken again; meanwhile they are not good.
 *
 * The line has a lock for each type of message, so that a run lends its line to a listener while both hold theirs. That is for those who share
 * a checkpoint store, where it is lent and its pace is kept. Of two that do not, only one may have the line: each takes its own lock first and
 * looks for the other's then, so that of two that begin in the same instant at least one sees the other. Message 2 gives way: it gives back
 * what it took, and is tried again later. Message 1 keeps its lock, which no Message 2 then passes, and waits for the one that is there. So
 * the two never wait for each other.
 *
 * Who gets the line where the other's checkpoint kept its pace does not know its last start: `onTakeOver` tells, and one whole delay is waited.
 * Killed: its locks are gone with its connection, and the other goes on so. Cut off: the locks are taken again in the same way; whoever had
 * the line meanwhile has noted that the pace is in its store. Suspended: its connection is ended by the other, after which it sends nothing.
 */
export async function sessionLock({
  open,
  campaign,
  type,
  movePace,
  name,
  clock,
  timing = TIMING,
}: SessionLockParts): Promise<DatabaseLock> {
  const lost = new AbortController();
  let current: LockSession;
  let goodUntil: EpochMs = 0;
  let released = false;
  let takenOver: EpochMs | null = null;
  let tellPause = () => {};
  let tellTakeOver: (at: EpochMs) => void = () => undefined;

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
    const begin = clock.now();
    while (!released) {
      const asked = clock.now();
      const holder = (await session.take()) ?? (await session.rival());
      if (holder === null) {
        const at = clock.now();
        if (await movePace()) {
          takenOver = at;
          tellTakeOver(at);
        }
        goodUntil = asked + timing.goodFor;
        return;
      }
      if (type === 'message_2') await session.giveBack();
      const isOver = holder.connection === before || (holder.silentMs !== null && holder.silentMs >= timing.silentFor);
      if (isOver) await session.end(holder.connection).catch(() => undefined);
      const patience = type === 'message_1' && holder.what === 'otherLine' ? timing.message2Within : timing.vanishWithin;
      if (clock.now() - begin >= patience) throw held(holder, { campaign, type, name });
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
      const { pauseRequested } = await session.beat();
      if (session === current && goodUntil !== 0) goodUntil = asked + timing.goodFor;
      if (pauseRequested) tellPause();
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
    onTakeOver(tell) {
      tellTakeOver = tell;
      if (takenOver !== null) tell(takenOver);
    },
    onPauseRequest(tell) {
      tellPause = tell;
    },
    async release() {
      released = true;
      goodUntil = 0;
      clearInterval(timer);
      await current.close().catch(() => undefined);
    },
  };
}

function held({ what, who }: Holder, { campaign, type, name }: Pick<SessionLockParts, 'campaign' | 'type' | 'name'>): HeldElsewhere {
  const whom = who === '' ? '' : ` (${who})`;
  if (what === 'otherLine') {
    const other = type === 'message_1' ? 'a listener' : 'a run';
    return new HeldElsewhere(
      `the line is held in ${name} by ${other} that keeps its checkpoint elsewhere${whom}`,
      'One waits until the other is done. A run lends its line to a listener in the same folder, or with the same Redis.',
    );
  }
  return new HeldElsewhere(
    `${what === 'campaign' ? `campaign ${campaign}` : 'the line'} is held in ${name} by another run, perhaps from another folder or machine${whom}`,
    `Wait until it is done, or stop it where it runs; a run that died without a trace lets go after ${formatDuration(LOCK_LIFE)}.`,
  );
}

function described(error: unknown, name: string): unknown {
  if (error instanceof HeldElsewhere) return error;
  return describeDatabaseError(error, name, 'open') ?? new InfrastructureError(`cannot hold a lock in ${name}`, undefined, error);
}
