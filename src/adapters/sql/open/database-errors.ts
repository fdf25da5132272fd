import { maskPhone } from '../../../core/phone.ts';
import { DatabaseUnreachable, InfrastructureError, messageOf, UsageError, UserError } from '../../../errors.ts';
import { NoAnswer } from './deadline.ts';
import { sqliteCode } from './sqlite-code.ts';

/** The parts of a driver's error that tell what happened; pg, mysql2, SQLite (see sqlite-code.ts) and Node each fill some. */
interface DriverError extends Error {
  code?: unknown;
  errno?: unknown;
  severity?: unknown;
}

/**
 * What any driver's error means, on one line: DatabaseUnreachable when the database is gone, busy, full, damaged or read-only; otherwise,
 * where it answered with a refusal (a permission, a missing column), a UsageError while opening and an InfrastructureError later, when
 * messages may have been sent. `undefined` when the error is not a database's. `name` is the database as people know it.
 */
export function describeDatabaseError(error: unknown, name: string, stage: 'opening' | 'open'): UserError | undefined {
  if (!(error instanceof Error) || error instanceof UserError) return undefined;
  const lost = whyLost(error, name);
  if (lost !== undefined) return new DatabaseUnreachable(lost, stage === 'opening' ? BEFORE_ALL : AFTER_LOSS, error);
  const refusal = whyRefused(error, name);
  if (refusal === undefined) return undefined;
  const Refused = stage === 'opening' ? UsageError : InfrastructureError;
  return new Refused(refusal, 'Check DATABASE_URL and what its user may do there, then repeat the command.', error);
}

/** Runs `work`; what the database's driver throws in it arrives as described above, anything else as it is. */
export async function withDatabaseErrors<T>({ name }: { name: string }, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw describeDatabaseError(error, name, 'open') ?? error;
  }
}

/** True when the database undid the transaction only because of another one, so that the same may simply be done again. */
export function isDeadlock(error: unknown): boolean {
  return DEADLOCKS.has(codeOf(error as DriverError) ?? '');
}

/** True when the database refused a value: too long, or a character it cannot hold. */
export function refusesValue(error: unknown): boolean {
  return REFUSED_VALUES.has(codeOf(error as DriverError) ?? '');
}

/** True when a row with the same unique value is there already. */
export function isDuplicate(error: unknown): boolean {
  return DUPLICATES.has(codeOf(error as DriverError) ?? '');
}

/** True when there is no such table; also where MySQL does not say so to a user who has no right to it. */
export function isMissingTable(error: unknown): boolean {
  const code = codeOf(error as DriverError);
  return MISSING_TABLES.has(code ?? '') || (code === 'SQLITE_ERROR' && /^no such table/.test((error as Error).message));
}

/** True when the user may not do this with this table. */
export function isDenied(error: unknown): boolean {
  return DENIED.has(codeOf(error as DriverError) ?? '');
}

/** Nothing began. */
const BEFORE_ALL = 'Check DATABASE_URL and the database, then repeat the command.';
const AFTER_LOSS = 'Check the database, then repeat the command: it continues where it stopped.';

const DEADLOCKS = new Set(['40P01', '40001', 'ER_LOCK_DEADLOCK']);
const MISSING_TABLES = new Set(['42P01', 'ER_NO_SUCH_TABLE', 'ER_TABLEACCESS_DENIED_ERROR']);
const DENIED = new Set(['42501', 'ER_TABLEACCESS_DENIED_ERROR', 'ER_COLUMNACCESS_DENIED_ERROR']);
const DUPLICATES = new Set(['23505', 'ER_DUP_ENTRY', 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY']);
const REFUSED_VALUES = new Set([
  ...['22001', '22021', '22P05', '23514'],
  ...[
    'ER_DATA_TOO_LONG',
    'ER_TRUNCATED_WRONG_VALUE_FOR_FIELD',
    'WARN_DATA_TRUNCATED',
    'ER_CONSTRAINT_FAILED',
    'ER_CHECK_CONSTRAINT_VIOLATED',
  ],
  ...['SQLITE_CONSTRAINT_CHECK'],
]);

/** Why no connection came about, or how one was lost, by Node's or mysql2's code. */
const UNREACHABLE: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection lost',
  EPIPE: 'connection lost',
  ETIMEDOUT: 'no answer',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no network',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'its name cannot be resolved now',
  PROTOCOL_CONNECTION_LOST: 'connection lost',
  ER_CONNECTION_KILLED: 'connection lost',
  HANDSHAKE_SSL_ERROR: 'no secure connection',
  HANDSHAKE_NO_SSL_SUPPORT: 'it offers no TLS',
};

/** Errors of pg and mysql2 that have only a text. */
const UNREACHABLE_TEXTS: [RegExp, string][] = [
  [/^timeout expired|^timeout exceeded when trying to connect|due to connection timeout/, 'no answer'],
  [/^Connection terminated|not queryable$|connection is in closed state|^Can't write in closed state/, 'connection lost'],
  [/does not support SSL|establishing an SSL connection/, 'no secure connection'],
];

/** What a database that answers is in no state to do, by SQLSTATE (pg), symbol (mysql2) or name of the result code (SQLite). */
const UNWELL: Record<string, string> = {
  '57P01': 'closed the connection (it is shutting down, or an administrator ended it)',
  '57P02': 'closed the connection (it crashed)',
  '57P03': 'is starting up or shutting down',
  '25P03': 'closed the connection (nothing came in the middle of a transaction)',
  '57014': 'cancelled a statement that took too long',
  '53100': 'has no disk space left',
  '53200': 'has no memory left',
  '53300': 'has too many connections',
  '55P03': 'is locked by another program',
  '40P01': 'is locked by another program',
  '40001': 'is locked by another program',
  '25006': 'is read-only',
  ER_SERVER_SHUTDOWN: 'is shutting down',
  ER_CON_COUNT_ERROR: 'has too many connections',
  ER_TOO_MANY_USER_CONNECTIONS: 'has too many connections',
  ER_USER_LIMIT_REACHED: 'has too many connections',
  ER_LOCK_WAIT_TIMEOUT: 'is locked by another program',
  ER_LOCK_DEADLOCK: 'is locked by another program',
  ER_DISK_FULL: 'has no disk space left',
  ER_RECORD_FILE_FULL: 'has no disk space left',
  ER_OPTION_PREVENTS_STATEMENT: 'is read-only',
  ER_READ_ONLY_MODE: 'is read-only',
  ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION: 'is read-only',
  ER_QUERY_INTERRUPTED: 'cancelled a statement',
  SQLITE_BUSY: 'is locked by another program',
  SQLITE_LOCKED: 'is locked by another program',
  SQLITE_READONLY: 'is read-only',
  SQLITE_IOERR: 'cannot be read or written (disk error)',
  SQLITE_CORRUPT: 'is damaged',
  SQLITE_FULL: 'has no disk space left',
  SQLITE_CANTOPEN: 'cannot be opened',
  SQLITE_NOTADB: 'is not an SQLite database',
};

function whyLost(error: DriverError, name: string): string | undefined {
  if (error instanceof NoAnswer) return `${name} ${error.message}`;
  const code = codeOf(error);
  const unwell = UNWELL[code ?? ''];
  if (unwell !== undefined) return `${name} ${unwell}`;
  if (code?.startsWith('08') && isPostgres(error)) return `cannot reach ${name} (connection lost)`;
  if (/^(DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|CERT_|ERR_TLS_CERT)/.test(code ?? ''))
    return `cannot reach ${name} (its certificate is not trusted)`;
  const reason = UNREACHABLE[code ?? ''] ?? UNREACHABLE_TEXTS.find(([text]) => text.test(error.message))?.[1];
  return reason === undefined ? undefined : `cannot reach ${name} (${reason})`;
}

const REFUSALS: Record<string, string> = {
  '28P01': 'refuses this user or password',
  '28000': 'refuses this user',
  '3D000': 'has no database of that name',
  ER_ACCESS_DENIED_ERROR: 'refuses this user or password',
  ER_ACCESS_DENIED_NO_PASSWORD_ERROR: 'refuses this user or password',
  ER_DBACCESS_DENIED_ERROR: 'does not let this user into that database',
  ER_BAD_DB_ERROR: 'has no database of that name',
};

function whyRefused(error: DriverError, name: string): string | undefined {
  const code = codeOf(error);
  if (code === undefined || !(isPostgres(error) || isMysql(error) || sqliteCode(error) !== undefined)) return undefined;
  return `${name} ${REFUSALS[code] ?? `refused: ${messageOf(error).replace(/\+?\d{7,}/g, maskPhone)}`}`;
}

function codeOf(error: DriverError | undefined): string | undefined {
  return sqliteCode(error) ?? (typeof error?.code === 'string' ? error.code : undefined);
}

function isPostgres(error: DriverError): boolean {
  return typeof error.severity === 'string' && /^[0-9A-Z]{5}$/.test(codeOf(error) ?? '');
}

function isMysql(error: DriverError): boolean {
  return typeof error.errno === 'number' && /^(ER|WARN|CR|HA)_/.test(codeOf(error) ?? '');
}
