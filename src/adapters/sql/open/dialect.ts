import { type InsertQueryBuilder, type InsertResult, type RawBuilder, sql } from 'kysely';
import { exactId } from '../tables/exact-ids.ts';
import type { Schema } from '../tables/table-types.ts';

// What the databases say in different words.

/** Rows that are read under lock: no one else changes them until the transaction ends. SQLite has locked the whole file by then. */
export function locked<Query extends { forUpdate(): Query }>(dialect: SqlDialect, query: Query): Query {
  return dialect === 'sqlite' ? query : query.forUpdate();
}

/**
 * Leaves alone the rows that are there already. `column` is any of the table: MySQL keeps it as it is, for its `ignore` would let every other
 * fault of a row pass too.
 */
export function ignoreConflicts<Table extends keyof Schema>(
  dialect: SqlDialect,
  insert: InsertQueryBuilder<Schema, Table, InsertResult>,
  column: keyof Schema[Table] & string,
): InsertQueryBuilder<Schema, Table, InsertResult> {
  return dialect === 'mysql'
    ? insert.onDuplicateKeyUpdate({ [column]: sql.ref(column) } as never)
    : insert.onConflict((on) => on.doNothing());
}

/** Inserts one row, and tells the id that it got. */
export async function insertedId<Table extends 'campaigns' | 'messages'>(
  dialect: SqlDialect,
  insert: InsertQueryBuilder<Schema, Table, InsertResult>,
): Promise<number> {
  if (dialect === 'mysql') return exactId((await insert.executeTakeFirstOrThrow()).insertId, 'id');
  return Number((await insert.returning(sql<number>`id`.as('id')).executeTakeFirstOrThrow()).id);
}

/**
 * True of the rows of this campaign, for a query that also names its rows or contacts: without the plus, SQLite reads the whole campaign's
 * index for a long list of them.
 */
export function ofCampaign(dialect: SqlDialect, campaign: number): RawBuilder<boolean> {
  return dialect === 'sqlite' ? sql<boolean>`+campaign_id = ${campaign}` : sql<boolean>`campaign_id = ${campaign}`;
}

/** True of a number that is stored with anything but digits and `+`, or begins with `00`: an index does not find it by its digits. */
export function isSpelledOut(dialect: SqlDialect, column: string): RawBuilder<boolean> {
  const name = sql.ref(column);
  if (dialect === 'sqlite') return sql<boolean>`(${name} glob '*[^0-9+]*' or ${name} like '00%')`;
  return sql<boolean>`(${name} ${dialect === 'mysql' ? sql`regexp` : sql`~`} '[^0-9+]' or ${name} like '00%')`;
}

/** Milliseconds of the server's clock when the statement begins, whatever the time zone of the session. */
export function serverNow(dialect: SqlDialect): RawBuilder<number> {
  if (dialect === 'sqlite') return sql<number>`cast(unixepoch('subsec') * 1000 as integer)`;
  if (dialect === 'mysql') return sql<number>`timestampdiff(microsecond, '1970-01-01', utc_timestamp(3)) div 1000`;
  return sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`;
}

export type SqlDialect = 'sqlite' | 'postgres' | 'mysql';
