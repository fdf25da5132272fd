import { chmodSync, closeSync, constants, existsSync, openSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { Kysely, SqliteDialect } from 'kysely';
import { InfrastructureError, messageOf, UsageError } from '../../../errors.ts';
import { exactIds } from '../tables/exact-ids.ts';
import { sqliteCode } from './sqlite-code.ts';
import { statementsOf } from './sqlite-statements.ts';

/** How long a statement waits for another process's write before SQLite answers "database is locked". */
const BUSY_TIMEOUT_MS = 5_000;
/** Between two tries where SQLite does not wait by itself. */
const TRY_AGAIN_MS = 20;

/** How a file is opened, where that is not as usual. */
export interface FileOpening {
  /** It is never written: not made where it is missing, and its journal stays as it is. */
  readOnly?: boolean;
}

/**
 * Opens (creating it where missing, readable by its owner alone) one SQLite file. Write-ahead log with a sync at every commit, so that what
 * was committed survives a loss of power. One connection serves everything this process does with the file: Kysely queues on it, and a
 * second one would block the very thread that should release the first. Throws UsageError for a file that is itself a mount point, and for
 * one that is to be read and not there.
 */
export function openSqlite<Tables>(path: string, { readOnly = false }: FileOpening = {}): Kysely<Tables> {
  refuseMountPoint(path);
  if (readOnly && statSync(path, { throwIfNoEntry: false })?.isFile() !== true)
    throw new UsageError(
      `there is no SQLite file ${path}`,
      'DATABASE_URL says which file it is. A rehearsal reads it and does not create it.',
    );
  try {
    if (readOnly) return asKysely(openToRead(path));
    const isNew = path !== ':memory:' && !existsSync(path);
    if (isNew) createForOwner(path);
    const file = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    if (isNew) chmodSync(path, 0o600);
    writeAhead(file);
    file.exec('pragma synchronous = full; pragma foreign_keys = on');
    return asKysely(file);
  } catch (cause) {
    const reason = whyNotOpened(path, readOnly) ?? messageOf(cause).replace(/^Failed to open database: /, '');
    throw new InfrastructureError(
      `cannot open the SQLite file ${path}: ${reason}`,
      'Check the path and that you may write there, or set DATABASE_URL to another file.',
      cause,
    );
  }
}

/**
 * A file that is only read. Of one in write-ahead mode a connection that may not write leaves a log behind when it is closed; one that may takes it
 * away with it, and changes nothing while the log is empty.
 */
function openToRead(path: string): DatabaseSyncInstance {
  const leavesNothing = !existsSync(`${path}-wal`) && mayWrite(path);
  const file = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly: !leavesNothing });
  file.exec('pragma query_only = on');
  return file;
}

function mayWrite(path: string): boolean {
  try {
    closeSync(openSync(path, 'r+'));
    return true;
  } catch {
    return false;
  }
}

function asKysely<Tables>(file: DatabaseSyncInstance): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database: statementsOf(file) }), plugins: [exactIds] });
}

/**
 * SQLite writes what was committed to a log beside the file first. Where the file alone is mounted (into a container), the log stays in the
 * container when that is replaced: the person written to last would be pending again, and get the message twice.
 */
function refuseMountPoint(path: string): void {
  if (!isMountPoint(path)) return;
  throw new UsageError(
    `the SQLite file ${path} is mounted by itself, so the files that SQLite keeps beside it would be lost with the container`,
    'Mount the folder that it is in, not the file: for example docker run -v ./data:/app/data with DATABASE_URL=sqlite:/app/data/wsend.db.',
  );
}

/** Of two processes that find a new file at the same instant one makes the log, and SQLite has the other not wait for it. */
function writeAhead(file: DatabaseSyncInstance): void {
  const giveUpAt = performance.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      file.exec('pragma journal_mode = wal');
      return;
    } catch (error) {
      if (sqliteCode(error) !== 'SQLITE_BUSY' || performance.now() >= giveUpAt) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TRY_AGAIN_MS);
    }
  }
}

/** What SQLite itself only has a number for, found out by opening the file once more; undefined where that succeeds or fails oddly. */
function whyNotOpened(path: string, readOnly: boolean): string | undefined {
  try {
    closeSync(openSync(path, readOnly ? constants.O_RDONLY : constants.O_RDWR | constants.O_CREAT, 0o600));
    return undefined;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EACCES')
      return existsSync(path) ? `you may not read ${readOnly ? '' : 'and write '}it` : 'you may not write in its folder';
    return NOT_OPENED[code];
  }
}

const NOT_OPENED: Record<string, string> = {
  EISDIR: 'it is a directory',
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder is a file',
  EROFS: 'its disk is read-only',
};

/** Makes the file before SQLite does: a process that opened it before its rights are set could read it ever after. */
function createForOwner(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600));
  } catch {
    // SQLite meets the same, and says it.
  }
}

/** True when a file is itself a mount point, as with `docker run -v ./wsend.db:/app/wsend.db`; false where the system does not say (it has no /proc). */
export function isMountPoint(path: string): boolean {
  try {
    return mountPointsIn(readFileSync('/proc/self/mountinfo', 'utf8')).has(realpathSync(path));
  } catch {
    return false;
  }
}

/** The mount points that a text as in `/proc/self/mountinfo` names: its fifth column, in which blanks and backslashes are octal numbers. */
export function mountPointsIn(mountinfo: string): Set<string> {
  const paths = mountinfo.split('\n').flatMap((line) => line.split(' ')[MOUNT_POINT] ?? []);
  return new Set(paths.map((path) => path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))));
}

const MOUNT_POINT = 4;
