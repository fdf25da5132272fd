import type { MessageType } from '../../core/campaign.ts';
import type { Clock, DatabaseLock, Owner } from '../../ports.ts';
import type { Database } from './database.ts';
import { movePace } from './move-pace.ts';
import { type SessionLockParts, sessionLock } from './session-lock.ts';

/** Whose locks are taken, and for what. */
export interface Wish {
  campaign: number;
  /** Message 2 is locked apart from Message 1, its line too: a run of Message 1 lends it through the checkpoint, where both share one. */
  type: MessageType;
  line: string;
  owner: Owner;
  /** Tells the store that keeps its checkpoint from every other. */
  store: string;
}

const OF_MESSAGE_2 = ' of message 2';
/** What the server shows of an application: 63 bytes. */
const LONGEST_NAME = 63;

/**
 * The campaign's and the line's lock in a server database. An SQLite database needs none: its file holds the locks of the checkpoint too, or
 * those are in Redis. Rejects with HeldElsewhere when another run has one, and with DatabaseUnreachable when the server does not answer.
 */
export async function databaseLock(
  database: Database,
  { campaign, type, line, owner, store }: Wish,
  clock: Clock,
  timing?: SessionLockParts['timing'],
): Promise<DatabaseLock> {
  const { dialect, address, deadlines, name } = database;
  if (dialect === 'sqlite' || address === null) return nothingToHold();
  const open =
    dialect === 'postgres' ? (await import('./postgres-session.ts')).postgresSession : (await import('./mysql-session.ts')).mysqlSession;
  const who = `wsend ${owner.pid}@${owner.host}`.replace(/[^ -~]/g, '?').slice(0, LONGEST_NAME);
  const [own, other] = type === 'message_1' ? ['', OF_MESSAGE_2] : [OF_MESSAGE_2, ''];
  const names = { campaign: lockedCampaign(campaign, type), line: `${line}${own}`, otherLine: `${line}${other}`, store };
  const parts = {
    open: () => open({ address, deadlines, who, ...names }),
    campaign,
    type,
    movePace: () => movePace(database, line, store),
    name,
    clock,
  };
  return sessionLock(timing === undefined ? parts : { ...parts, timing });
}

/** What makes the name of a campaign's lock. */
export function lockedCampaign(campaign: number, type: MessageType): string {
  return `${campaign}${type === 'message_1' ? '' : OF_MESSAGE_2}`;
}

/** A signal of its own each time: what a run has it call would otherwise outlive the run. */
function nothingToHold(): DatabaseLock {
  return {
    goodUntil: () => Number.POSITIVE_INFINITY,
    lost: new AbortController().signal,
    onTakeOver: () => undefined,
    onPauseRequest: () => undefined,
    release: async () => undefined,
  };
}
