import { type Kysely, sql } from 'kysely';
import { messageOf, UsageError } from '../../../errors.ts';
import { describeDatabaseError, isDenied, isMissingTable, withDatabaseErrors } from '../open/database-errors.ts';
import type { SqlDialect } from '../open/dialect.ts';
import type { Database } from '../open/sql-database.ts';
import { type Column, columnsByTable } from './inspect.ts';
import { ownTables1 } from './own-tables-1.ts';
import { OWN_COLUMNS_2, ownTables2 } from './own-tables-2.ts';
import { alone, checkColumns } from './schema.ts';
import type { Schema } from './table-types.ts';
import { statementsFor, type Table } from './tables.ts';

/** The tables that are there, by name and column. */
type Existing = ReadonlyMap<string, ReadonlyMap<string, Column>>;

/**
 * The statements that lead from each version of wsend's own tables to the next; the first begins with nothing. MySQL keeps what it made when
 * one is cut off halfway: a step leaves out what is there already. One that was released is never changed: another follows it.
 */
const STEPS: ((dialect: SqlDialect, existing: Existing) => string[])[] = [
  (dialect, existing) => creating(ownTables1(dialect), dialect, existing),
  (dialect, existing) => [...creating(ownTables2(dialect), dialect, existing), ...adding(OWN_COLUMNS_2, existing)],
];

/** The version of wsend's own tables that this program reads and writes. */
export const OWN_VERSION = STEPS.length;

/**
 * Brings wsend's own tables to OWN_VERSION. Asks for their version once, and nothing more where they are current: a user without the right to
 * create suffices then. Of many processes that call it at once, one does it. Rejects with UsageError when a newer wsend made them, when one of
 * that name is not as it should be, and when this user may not make them; with DatabaseUnreachable when the database does not answer.
 */
export async function migrateOwnTables(database: Database): Promise<void> {
  const { db, name } = database;
  if (current.has(db)) return;
  try {
    if ((await versionAsked(database)) < OWN_VERSION) {
      await alone(database, async (transaction) => {
        for (const statement of await missingStatements(transaction, database)) await sql.raw(statement).execute(transaction);
      });
    }
    current.add(db);
  } catch (error) {
    const described = describeDatabaseError(error, name, 'opening');
    if (!(described instanceof UsageError)) throw described ?? error;
    throw new UsageError(
      `wsend needs tables of its own in ${name}, and cannot make them (${messageOf(error)})`,
      'Ask a database user who may create tables to run the SQL that wsend doctor --sql prints.',
      error,
    );
  }
}

/**
 * The version of wsend's own tables, 0 where there are none (MySQL says the same to a user who may not see them). Makes nothing. Rejects with
 * UsageError when a newer wsend made them, or this user may not read them.
 */
export function ownVersion(database: Database): Promise<number> {
  if (current.has(database.db)) return Promise.resolve(OWN_VERSION);
  return withDatabaseErrors(database, async () => {
    const version = await versionAsked(database);
    if (version === OWN_VERSION) current.add(database.db);
    return version;
  });
}

/** Whether wsend's own tables are there to be read. Makes nothing; rejects as `ownVersion` does. */
export async function hasOwnTables(database: Database): Promise<boolean> {
  return (await ownVersion(database)) > 0;
}

/** Whether `wsend_campaigns`, of version 2, is there to be read. */
export async function hasCampaignNotes(database: Database): Promise<boolean> {
  return (await ownVersion(database)) >= 2;
}

/**
 * The statements that `migrateOwnTables` would run, as text for the program of the database (psql, mariadb, sqlite3), with the rights to give as
 * a comment; empty where the tables are current. Rejects as `ownVersion` does.
 */
export function ownTablesSql(database: Database): Promise<string> {
  const { db, dialect, name } = database;
  return withDatabaseErrors(database, async () => {
    if ((await versionAsked(database)) === OWN_VERSION) return '';
    const statements = await missingStatements(db, database);
    const lines = dialect === 'mysql' ? statements : ['begin', ...statements, 'commit'];
    const grants =
      dialect === 'sqlite'
        ? []
        : ['-- Then give the user of wsend the right to use them:', ...grantsOf(dialect).map((text) => `-- ${text};`)];
    return [
      `-- The tables that wsend keeps for itself, version ${OWN_VERSION}, for ${name}.`,
      ...grants,
      ...lines.map((text) => `${text};`),
      '',
    ].join('\n');
  });
}

/** The databases whose tables are known to be current: one that is open is not migrated by a newer wsend under our hands. */
const current = new WeakSet<Database['db']>();

const VERSION_TABLE: Table = { name: 'wsend_schema', columns: { version: 'integer not null primary key' } };

async function versionAsked({ db, dialect, name }: Database): Promise<number> {
  try {
    return await readVersion(db, name);
  } catch (error) {
    if (isMissingTable(error)) return 0;
    if (!isDenied(error)) throw error;
    const grants = grantsOf(dialect as 'postgres' | 'mysql').join('; ');
    throw new UsageError(`this user may not read wsend's own tables in ${name} (${messageOf(error)})`, `Give the right: ${grants}.`, error);
  }
}

async function readVersion(db: Kysely<Schema>, name: string): Promise<number> {
  const row = await db.selectFrom('wsend_schema').select('version').executeTakeFirst();
  const version = Number(row?.version ?? 0);
  if (version <= OWN_VERSION) return version;
  throw new UsageError(
    `the tables of wsend in ${name} have version ${version}, and this wsend knows ${OWN_VERSION}`,
    'Use the newer wsend that made them.',
  );
}

async function missingStatements(db: Kysely<Schema>, { dialect, name }: Database): Promise<string[]> {
  const existing = await columnsByTable(db, dialect);
  // Asked for a table that is missing, PostgreSQL would end the transaction.
  const version = existing.has(VERSION_TABLE.name) ? await readVersion(db, name) : 0;
  if (version === OWN_VERSION) return [];
  const noted =
    version > 0 ? `update wsend_schema set version = ${OWN_VERSION}` : `insert into wsend_schema (version) values (${OWN_VERSION})`;
  return [...STEPS.slice(version).flatMap((step) => step(dialect, existing)), ...creating([VERSION_TABLE], dialect, existing), noted];
}

function creating(tables: Table[], dialect: SqlDialect, existing: Existing): string[] {
  checkColumns(tables, existing);
  return tables.filter(({ name }) => !existing.has(name)).flatMap((table) => statementsFor(table, dialect));
}

function adding(columns: typeof OWN_COLUMNS_2, existing: Existing): string[] {
  return Object.entries(columns).flatMap(([table, added]) =>
    Object.entries(added)
      .filter(([column]) => !existing.get(table)?.has(column))
      .map(([column, type]) => `alter table ${table} add column ${column} ${type}`),
  );
}

function grantsOf(dialect: 'postgres' | 'mysql'): string[] {
  const tables = [...ownTables1(dialect), ...ownTables2(dialect), VERSION_TABLE];
  const names = tables.map(({ name }) => name);
  if (dialect === 'mysql') return names.map((name) => `grant select, insert, update, delete on ${name} to <user>`);
  const numbered = tables.filter(({ columns }) => 'id' in columns).map(({ name }) => `${name}_id_seq`);
  return [
    `grant select, insert, update, delete on ${names.join(', ')} to <user>`,
    `grant usage on sequence ${numbered.join(', ')} to <user>`,
  ];
}
