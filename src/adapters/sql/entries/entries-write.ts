import type { RawBuilder } from 'kysely';
import { type Kysely, sql } from 'kysely';
import { judge } from '../../../core/fence.ts';
import { LeaseLost } from '../../../errors.ts';
import type { Write } from '../../../ports/entries.ts';
import type { SqlDialect } from '../open/dialect.ts';
import { locked, serverNow } from '../open/dialect.ts';
import type { Database } from '../open/sql-database.ts';
import { inRepeatableTransaction } from '../open/transaction.ts';
import { chunks } from '../tables/chunks.ts';
import type { Schema } from '../tables/table-types.ts';

/**
 * Makes one step durable on SQLite and MySQL: see Entries. Checkpoints are locked in the order of their names, and entries are written only
 * by the run that has locked their checkpoint, so that no two wait for each other. Throws what the driver throws, and LeaseLost.
 */
export function writeInTransaction(database: Database, step: number, writes: readonly [Write, ...Write[]]): Promise<void> {
  const { dialect, name: place } = database;
  return inRepeatableTransaction(database, async (work) => {
    const verdict = judge(place, { step, names: writes }, await standsOf(work, dialect, writes));
    if (verdict === 'repeated') return;
    if (verdict !== 'next') throw new LeaseLost(verdict.lost);
    await work.updateTable('wsend_checkpoints').set({ step }).where('name', '=', writes[0].name).execute();
    for (const { name, fields, keptFor } of writes) {
      const all = Object.entries(fields);
      const put = all.filter((entry): entry is [string, string] => entry[1] !== null);
      if (put.length > 0) await putFields(work, dialect, name, put);
      const taken = all.flatMap(([field, value]) => (value === null ? [field] : []));
      if (taken.length > 0) await takeFields(work, dialect, name, taken);
      if (keptFor === undefined) continue;
      await work
        .updateTable('wsend_checkpoints')
        .set({ kept_until: keptFor === null ? null : sql<number>`${serverNow(dialect)} + ${keptFor}` })
        .where('name', '=', name)
        .execute();
    }
  });
}

/** How the names stand, in the order of the writes; null where a name is not known or not kept any more. */
async function standsOf(work: Kysely<Schema>, dialect: SqlDialect, writes: readonly Write[]) {
  const names = writes.map(({ name }) => name);
  const query = work
    .selectFrom('wsend_checkpoints as c')
    .select(['c.name', 'c.epoch', 'c.step'])
    .where('c.name', 'in', names)
    .where(sql<boolean>`not ${hasRunOut(dialect)}`)
    .orderBy('c.name');
  const found = new Map((await locked(dialect, query).execute()).map((row) => [row.name, row]));
  return names.map((name) => found.get(name) ?? null);
}

async function putFields(work: Kysely<Schema>, dialect: SqlDialect, name: string, put: [string, string][]): Promise<void> {
  if (dialect === 'sqlite') {
    await sql`
      insert or replace into wsend_entries (name, field, value)
      select ${name}, value ->> 0, value ->> 1 from json_each(${JSON.stringify(put)})`.execute(work);
    return;
  }
  for (const some of chunks(put)) {
    await work
      .insertInto('wsend_entries')
      .values(some.map(([field, value]) => ({ name, field, value })))
      .onDuplicateKeyUpdate({ value: sql<string>`values(value)` })
      .execute();
  }
}

async function takeFields(work: Kysely<Schema>, dialect: SqlDialect, name: string, taken: string[]): Promise<void> {
  if (dialect === 'sqlite') {
    await sql`
      delete from wsend_entries
      where name = ${name} and field in (select value from json_each(${JSON.stringify(taken)}))`.execute(work);
    return;
  }
  for (const some of chunks(taken)) await work.deleteFrom('wsend_entries').where('name', '=', name).where('field', 'in', some).execute();
}

/** True of a row `c` of wsend_checkpoints whose name is not kept any more. */
export function hasRunOut(dialect: SqlDialect): RawBuilder<boolean> {
  return sql<boolean>`coalesce(c.kept_until <= ${serverNow(dialect)}, false)`;
}
