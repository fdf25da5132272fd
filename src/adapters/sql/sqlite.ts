import { chmodSync, closeSync, constants, existsSync, openSync } from 'node:fs';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { Kysely, SqliteDialect } from 'kysely';
import { InfrastructureError, messageOf } from '../../errors.ts';
import { sqliteCode } from './sqlite-code.ts';
import { statementsOf } from './sqlite-statements.ts';

/** How long a statement waits for another process's write before SQLite answers "database is locked". */
const BUSY_TIMEOUT_MS = 5_000;
/** Between two tries where SQLite does not wait by itself. */
const TRY_AGAIN_MS = 20;

/**
 * Opens (creating it where missing, readable by its owner alone) one SQLite file. Write-ahead log with a sync at every commit, so that what
 * was committed survives a loss of power. One connection serves everything this process does with the file: Kysely queues on it, and a
 * second one would block the very thread that should release the first.
 */
export function openSqlite<Tables>(path: string): Kysely<Tables> {
  try {
    const isNew = path !== ':memory:' && !existsSync(path);
    if (isNew) createForOwner(path);
    const file = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    if (isNew) chmodSync(path, 0o600);
    writeAhead(file);
    file.exec('pragma synchronous = full; pragma foreign_keys = on');
    return new Kysely<Tables>({ dialect: new SqliteDialect({ database: statementsOf(file) }) });
  } catch (cause) {
    const reason = whyNotOpened(path) ?? messageOf(cause).replace(/^Failed to open database: /, '');
    throw new InfrastructureError(
      `cannot open the SQLite file ${path}: ${reason}`,
      'Check the path and that you may write there, or set DATABASE_URL to another file.',
      cause,
    );
  }
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
function whyNotOpened(path: string): string | undefined {
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600));
    return undefined;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EACCES') return existsSync(path) ? 'you may not read and write it' : 'you may not write in its folder';
    return NOT_OPENED[code];
  }
}

const NOT_OPENED: Record<string, string> = {
  EISDIR: 'it is a directory',
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder is a file',
  EROFS: 'its disk is read-only',
};

/** Makes the file before SQLite does: whoever opened it in the moment before its rights are set could read it ever after. */
function createForOwner(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600));
  } catch {
    // SQLite meets the same, and says it.
  }
}
