import { sql } from 'kysely';
import { DatabaseUnreachable } from '../../../errors.ts';
import { describeDatabaseError } from './database-errors.ts';
import type { Database } from './sql-database.ts';

/** A setting of a server without which it may forget what it confirmed. */
interface Setting {
  name: string;
  wanted: string;
  /** What the others mean. */
  otherwise: string;
}

const FORGETS = 'loses the latest outcomes, and these people may get the message twice';

const POSTGRES: Setting[] = [
  { name: 'fsync', wanted: 'on', otherwise: `a crash of its machine ${FORGETS}, or damages the database` },
  { name: 'full_page_writes', wanted: 'on', otherwise: 'a crash of its machine may damage the database' },
];

const MYSQL: Setting[] = [
  { name: 'innodb_flush_log_at_trx_commit', wanted: '1', otherwise: `a crash of the server or its machine ${FORGETS}` },
  // With a binary log a transaction counts after a crash only if that log has it.
  { name: 'sync_binlog', wanted: '1', otherwise: `with a binary log a crash of its machine ${FORGETS}` },
];

/**
 * The settings under which a server may forget what it confirmed, by name, each with the value seen and the one wanted; and those that it
 * does not tell. What can be asked for with each transaction, wsend asks for: `synchronous = full` of SQLite, `synchronous_commit` of PostgreSQL.
 */
export async function durabilityWarnings(database: Database): Promise<string[]> {
  const { dialect } = database;
  if (dialect === 'sqlite') return [];
  const seen = await settingsOf(database).catch((error) => {
    const described = describeDatabaseError(error, database.name, 'opening');
    if (described === undefined || described instanceof DatabaseUnreachable) throw described ?? error;
    return {};
  });
  return warningsOf(dialect, seen);
}

/** What there is to say of a server's settings, by name. */
export function warningsOf(dialect: 'postgres' | 'mysql', seen: Record<string, string>): string[] {
  const settings = dialect === 'postgres' ? POSTGRES : MYSQL;
  return settings.flatMap(({ name, wanted, otherwise }) => {
    const value = seen[name];
    if (value === undefined) return [`could not check whether the database keeps what it confirms: ${name} should be ${wanted}`];
    if (value === wanted) return [];
    // Without a binary log, how it is written does not matter.
    if (name === 'sync_binlog' && seen.log_bin === '0') return [];
    return [`${name} is ${value}: ${otherwise}; set it to ${wanted}`];
  });
}

/** Any user may ask. */
async function settingsOf({ db, dialect }: Database): Promise<Record<string, string>> {
  if (dialect === 'postgres') {
    const names = sql.join(POSTGRES.map(({ name }) => name));
    const { rows } = await sql<{ name: string; setting: string }>`select name, setting from pg_settings where name in (${names})`.execute(
      db,
    );
    return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
  }
  const { rows } = await sql<Record<string, unknown>>`
    select @@global.innodb_flush_log_at_trx_commit as innodb_flush_log_at_trx_commit, @@global.log_bin as log_bin,
      @@global.sync_binlog as sync_binlog`.execute(db);
  return Object.fromEntries(Object.entries(rows[0] ?? {}).map(([name, value]) => [name, String(value)]));
}
