import { type Dialect, Kysely, sql } from 'kysely';
import { DatabaseUnreachable, InfrastructureError, messageOf, UsageError } from '../../../errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import { exactIds } from '../tables/exact-ids.ts';
import { toStored } from '../tables/stored-time.ts';
import type { Schema } from '../tables/table-types.ts';
import { describeDatabaseError } from './database-errors.ts';
import { DEADLINES, type Deadlines } from './deadline.ts';
import type { SqlDialect } from './dialect.ts';
import { sqliteCode } from './sqlite-code.ts';

/** The operator's database, open. */
export interface Database {
  /** On SQLite this is the process's one connection to the file: what else needs the same file must use it too. */
  db: Kysely<Schema>;
  dialect: SqlDialect;
  /** As people know it, without user and password: `PostgreSQL at localhost:5432`, `the SQLite file wsend.db`. */
  name: string;
  /** Where a server is; null for a file. */
  address: URL | null;
  deadlines: Deadlines;
  /** This moment, as it stores times. */
  stamp(): string;
  close(): Promise<void>;
}

/** How a database is opened, where that is not as usual. */
export interface Opening {
  deadlines?: Deadlines;
  now?: Clock['now'];
  /** A file is only read, and not made where it is missing. To a server nothing is said of it. */
  readOnly?: boolean;
  /** A file is for rehearsals alone, or for none. Default: none. */
  rehearsals?: boolean;
}

/**
 * Opens `sqlite:wsend.db`, `postgres://…` or `mysql://…` (also `postgresql:`, `mariadb:`) and asks it one question. Creates no table.
 * Rejects with UsageError when the address is none of these or the server refuses the user or the database, and with DatabaseUnreachable
 * when there is no server, or no file can be opened there.
 */
export async function openDatabase(url: string, opening: Opening = {}): Promise<Database> {
  const scheme = /^([a-z]+):/i.exec(url.trim())?.[1]?.toLowerCase() ?? '';
  const family = FAMILIES[scheme];
  if (family === undefined)
    throw new UsageError(`DATABASE_URL is ${scheme === '' ? 'not an address' : `of the unknown kind "${scheme}:"`}; ${ALLOWED}`);
  return family === 'sqlite' ? openFile(url.trim().slice(scheme.length + 1), opening) : openServer(family, url.trim(), opening);
}

const ALLOWED = 'allowed are sqlite:<file>, postgres://<user>@<host>/<database> and mysql://<user>@<host>/<database>';

const FAMILIES: Record<string, SqlDialect> = {
  sqlite: 'sqlite',
  postgres: 'postgres',
  postgresql: 'postgres',
  mysql: 'mysql',
  mariadb: 'mysql',
};

async function openFile(address: string, { now = Date.now, readOnly = false, rehearsals = false }: Opening): Promise<Database> {
  const path = address.replace(/^\/\/(?=.)/, '');
  if (path === '') throw new UsageError('DATABASE_URL names no file', 'Write sqlite:wsend.db, or sqlite:/folder/wsend.db.');
  const { openSqlite } = await import('./sqlite.ts');
  const name = `the SQLite file ${path}`;
  return answering({ dialect: 'sqlite', name, address: null, deadlines: DEADLINES, stamp: () => toStored(now(), 'sqlite') }, async () => {
    const db = openSqlite<Schema>(path, { readOnly });
    await checkWorld(db, { path, rehearsals }).catch(async (error) => {
      await db.destroy();
      throw error;
    });
    return db;
  });
}

async function openServer(
  dialect: 'postgres' | 'mysql',
  url: string,
  { deadlines = DEADLINES, now = Date.now }: Opening,
): Promise<Database> {
  const address = parse(url);
  const port = address.port || (dialect === 'postgres' ? '5432' : '3306');
  const name = `${dialect === 'postgres' ? 'PostgreSQL' : 'MySQL'} at ${address.searchParams.get('host') ?? (address.hostname || 'localhost')}:${port}`;
  if (address.pathname.length <= 1 && dialect === 'mysql') {
    throw new UsageError(`DATABASE_URL names no database on ${name}`, `Add it at the end: mysql://<user>@${address.host}/<database>.`);
  }
  const open = async () => new Kysely<Schema>({ dialect: await serverDialect(dialect, address, deadlines), plugins: [exactIds] });
  return answering({ dialect, name, address, deadlines, stamp: () => toStored(now(), dialect) }, open);
}

async function serverDialect(dialect: 'postgres' | 'mysql', address: URL, deadlines: Deadlines): Promise<Dialect> {
  const open = dialect === 'postgres' ? (await import('./postgres.ts')).postgresDialect : (await import('./mysql.ts')).mysqlDialect;
  try {
    return await open(address, deadlines);
  } catch (cause) {
    throw new UsageError(`DATABASE_URL cannot be used: ${messageOf(cause)}`, undefined, cause);
  }
}

/** The URL, never quoted in an error: it holds the password. */
function parse(url: string): URL {
  try {
    return new URL(url);
  } catch {
    throw new UsageError(
      `DATABASE_URL cannot be read; ${ALLOWED}`,
      'Characters such as @ / : # % in a password are written %40 %2F %3A %23 %25.',
    );
  }
}

async function answering(about: Omit<Database, 'db' | 'close'>, open: () => Kysely<Schema> | Promise<Kysely<Schema>>): Promise<Database> {
  const { name } = about;
  let db: Kysely<Schema> | undefined;
  try {
    db = await open();
    await sql`select 1`.execute(db);
    return { ...about, db, close: db.destroy.bind(db) };
  } catch (error) {
    await db?.destroy();
    if (error instanceof InfrastructureError) {
      // Why a file cannot be opened, openSqlite has found out itself.
      const known = sqliteCode(error.cause) === 'SQLITE_CANTOPEN' ? undefined : describeDatabaseError(error.cause, name, 'opening');
      throw known ?? new DatabaseUnreachable(error.message, error.next, error.cause);
    }
    throw describeDatabaseError(error, name, 'opening') ?? error;
  }
}

/** What the header of an SQLite file says whose tables are rehearsals: "wsnd" in ASCII, where no other program's number is. */
const REHEARSALS = 0x77736e64;
const MARK = sql`pragma application_id = 2004053604`;

/**
 * An SQLite file belongs to one world for ever, whatever path leads to it: a rehearsal must not write the operator's file, and its copies must
 * not be sent to people. Marks an empty one that is opened for rehearsals; rejects with UsageError in the wrong world.
 */
export async function checkWorld<Tables>(db: Kysely<Tables>, { path, rehearsals }: { path: string; rehearsals: boolean }): Promise<void> {
  const { rows } = await sql<{ application_id: number }>`pragma application_id`.execute(db);
  const isMarked = rows[0]?.application_id === REHEARSALS;
  if (isMarked === rehearsals) return;
  if (isMarked)
    throw new UsageError(
      `the SQLite file ${path} holds rehearsals, and what is in it must not be sent to people`,
      'Set DATABASE_URL to another file, or add --sandbox to go on with a rehearsal.',
    );
  const { rows: tables } = await sql`select 1 from sqlite_master limit 1`.execute(db);
  if (tables.length > 0)
    throw new UsageError(
      `the SQLite file ${path} is a database of its own, and rehearsals would change it`,
      'Set WSEND_SANDBOX_FILE to a file that only rehearsals use, or leave it out.',
    );
  await MARK.execute(db);
}
