import type { MessageType } from '../../core/campaign.ts';
import type { Clock, DatabaseLock, Owner } from '../../ports.ts';
import type { Database } from './database.ts';
import { type SessionLockParts, sessionLock } from './session-lock.ts';

/** Whose locks are taken, and for what. */
export interface Wish {
  campaign: number;
  /** Message 2 is locked apart from Message 1, its line too: within a run of Message 1 that is lent by the checkpoint. */
  type: MessageType;
  line: string;
  owner: Owner;
}

/** What the server shows of an application: 63 bytes. */
const LONGEST_NAME = 63;

/**
 * The campaign's and the line's lock in a server database. An SQLite database needs none: its file holds the locks of the checkpoint too, or
 * those are in Redis. Rejects with HeldElsewhere when another run has one, and with DatabaseUnreachable when the server does not answer.
 */
export async function databaseLock(
  { dialect, address, deadlines, name }: Omit<Database, 'db' | 'close'>,
  { campaign, type, line, owner }: Wish,
  clock: Clock,
  timing?: SessionLockParts['timing'],
): Promise<DatabaseLock> {
  if (dialect === 'sqlite' || address === null) return nothingToHold();
  const open =
    dialect === 'postgres' ? (await import('./postgres-session.ts')).postgresSession : (await import('./mysql-session.ts')).mysqlSession;
  const who = `wsend ${owner.pid}@${owner.host}`.replace(/[^ -~]/g, '?').slice(0, LONGEST_NAME);
  const suffix = type === 'message_1' ? '' : ' of message 2';
  const names = { campaign: `${campaign}${suffix}`, line: `${line}${suffix}` };
  const parts = { open: () => open({ address, deadlines, who, ...names }), campaign, name, clock };
  return sessionLock(timing === undefined ? parts : { ...parts, timing });
}

/** A signal of its own each time: what a run has it call would otherwise outlive the run. */
function nothingToHold(): DatabaseLock {
  return { goodUntil: () => Number.POSITIVE_INFINITY, lost: new AbortController().signal, release: async () => undefined };
}
