import { type Kysely, sql } from 'kysely';
import { InfrastructureError, UsageError } from '../../../errors.ts';
import { describeDatabaseError } from '../open/database-errors.ts';
import type { Database } from '../open/sql-database.ts';
import { inTransaction } from '../open/transaction.ts';
import { type Column, columnsByTable } from './inspect.ts';
import type { Schema } from './table-types.ts';
import { operatorTables, statementsFor, type Table } from './tables.ts';

/**
 * Creates the tables that are missing, and changes none that is there. Where all are there nothing is asked of the database but their
 * columns, so a user without the right to create suffices. Rejects with UsageError when an existing table lacks a column that wsend
 * needs or has ids that are no integers, and when the user may not create what is missing.
 */
export async function createMissingTables(database: Database): Promise<void> {
  const wanted = operatorTables(database.dialect);
  try {
    const existing = await columnsByTable(database.db, database.dialect);
    checkColumns(wanted, existing);
    if (wanted.some(({ name }) => !existing.has(name))) await create(database, wanted);
  } catch (error) {
    throw describeDatabaseError(error, database.name, 'opening') ?? error;
  }
}

/** Throws UsageError when a table that exists lacks a column that wsend needs, or has ids that are no integers. */
export function checkColumns(wanted: Table[], existing: ReadonlyMap<string, ReadonlyMap<string, Column>>): void {
  const problems = wanted.flatMap(({ name, columns, optional = [] }) => {
    const found = existing.get(name);
    if (found === undefined) return [];
    const missing = Object.keys(columns).filter((column) => !found.has(column) && !optional.includes(column));
    const id = found.get('id');
    return [
      ...missing.map((column) => `no such column: ${name}.${column}`),
      ...(id === undefined || id.isInteger || optional.includes('id')
        ? []
        : [`${name}.id is ${id.type}, and only integer ids are supported`]),
    ];
  });
  if (problems.length === 0) return;
  throw new UsageError(
    `the database's tables are not as wsend needs them: ${problems.join('; ')}`,
    'wsend changes no existing table: add what is missing, or set DATABASE_URL to another database.',
  );
}

/** Foreign keys only where every table is ours: an existing one may have ids of another width, which MySQL refuses to refer to. */
async function create(database: Database, wanted: Table[]): Promise<void> {
  await alone(database, async (db) => {
    const existing = await columnsByTable(db, database.dialect);
    const allOurs = wanted.every(({ name }) => !existing.has(name));
    for (const table of wanted.filter(({ name }) => !existing.has(name))) {
      const { references, ...bare } = table;
      for (const statement of statementsFor(allOurs ? table : bare, database.dialect)) await sql.raw(statement).execute(db);
    }
  });
}

/** While one process creates tables, others wait, and then find them there. In one transaction, but for MySQL, which ends it with each table. */
export async function alone(database: Database, work: (db: Kysely<Schema>) => Promise<void>): Promise<void> {
  if (database.dialect !== 'mysql') {
    return inTransaction(database, async (db) => {
      if (database.dialect === 'postgres') await sql`select pg_advisory_xact_lock(${CREATION_LOCK})`.execute(db);
      await work(db);
    });
  }
  const lock = sql`concat('wsend ', md5(database()))`;
  await database.db.connection().execute(async (db) => {
    const { rows } = await sql<{ taken: number }>`select get_lock(${lock}, 20) as taken`.execute(db);
    if (rows[0]?.taken !== 1) throw new InfrastructureError(`another program has been creating tables in ${database.name} for 20 s`);
    try {
      await work(db);
    } finally {
      await sql`select release_lock(${lock})`.execute(db).catch(() => {});
    }
  });
}

/** Any number that no other program is likely to lock: "wsend" on a telephone keypad. */
const CREATION_LOCK = 97_363;
