import { type Kysely, sql } from 'kysely';
import { formsOf, type PersonKey, personKey } from '../../../core/person.ts';
import type { EpochMs } from '../../../core/units.ts';
import type { OptOuts } from '../../../ports/database.ts';
import { withDatabaseErrors } from '../open/database-errors.ts';
import type { SqlDialect } from '../open/dialect.ts';
import type { Database } from '../open/sql-database.ts';
import { inRepeatableTransaction } from '../open/transaction.ts';
import { CHUNK, chunks } from '../tables/chunks.ts';
import { hasOwnTables, migrateOwnTables } from '../tables/own-tables.ts';
import { storedText } from '../tables/stored-text.ts';
import { fromStored, toStored } from '../tables/stored-time.ts';
import type { Schema } from '../tables/table-types.ts';

/** The width of `phone`: the longest name that can be on the list. */
export const LONGEST_LISTED = 25;
/** The width of `source`. */
const LONGEST_SOURCE = 100;
/** The row that writers lock on MySQL; its number belongs to no person. */
const FIRST = 1;

/** The list of those who want no messages, in a table of wsend's own. */
export function optOuts(database: Database): OptOuts {
  const { db, dialect } = database;
  return {
    since: (cursor) =>
      withDatabaseErrors(database, async () => {
        const changes: { phone: string; out: boolean }[] = [];
        let reached = cursor;
        if (await hasOwnTables(database)) {
          const rows = db.selectFrom('wsend_optouts').select(['id', 'phone', 'is_out']).where('id', '>', cursor).where('phone', '!=', '');
          for (const { id, phone, is_out } of await rows.orderBy('id').execute()) {
            changes.push({ phone, out: Number(is_out) === 1 });
            reached = Number(id);
          }
        }
        return { cursor: reached, changes };
      }),

    set: (phones, out, source) =>
      withDatabaseErrors(database, async () => {
        await migrateOwnTables(database);
        return inRepeatableTransaction(database, async (transaction) => {
          await lockOptOuts(transaction, dialect);
          return setOptOuts(transaction, { phones, out, source, now: database.stamp() });
        });
      }),

    async *list() {
      if (!(await hasOwnTables(database))) return;
      for (let after: string | undefined = ''; after !== undefined; ) {
        const { rows, next } = await withDatabaseErrors(database, () => listPage(db, after as string));
        for (const { phone, changed_at, source } of rows) yield { phone, at: fromStored(changed_at) as EpochMs, source };
        after = next;
      }
    },
  };
}

interface Row {
  phone: string;
  changed_at: unknown;
  source: string;
}

/**
 * Lets one writer change the list at a time, until its transaction ends, so that the numbers of the changes appear in order: a reader that follows
 * them by cursor would otherwise miss one that is committed after a later one.
 */
export async function lockOptOuts(transaction: Kysely<Schema>, dialect: SqlDialect): Promise<void> {
  if (dialect === 'postgres') await sql`lock table wsend_optouts in exclusive mode`.execute(transaction);
  if (dialect !== 'mysql') return;
  const first = { id: FIRST, phone: '', is_out: 0, changed_at: toStored(0, dialect), source: '' };
  await transaction
    .insertInto('wsend_optouts')
    .values(first)
    .onDuplicateKeyUpdate(({ ref }) => ({ phone: ref('wsend_optouts.phone') }))
    .execute();
  await transaction.selectFrom('wsend_optouts').select('id').where('id', '=', FIRST).forUpdate().execute();
}

/** Changes the list inside a transaction that has locked it; returns how many people were not so before. */
export async function setOptOuts(
  transaction: Kysely<Schema>,
  { phones, out, source, now }: { phones: string[]; out: boolean; source: string; now: string },
): Promise<number> {
  let changed = 0;
  const people = new Map<PersonKey, string>();
  for (const phone of phones) if (!people.has(personKey(phone))) people.set(personKey(phone), phone);
  for (const some of chunks([...people.values()])) {
    const before = await areOut(transaction, some);
    const rows = some.filter((phone) => before.has(phone) !== out);
    if (rows.length > 0) {
      const values = rows.map((phone) => ({
        ...{ phone, is_out: Number(out), changed_at: now, source: storedText(source, LONGEST_SOURCE) },
      }));
      await transaction.insertInto('wsend_optouts').values(values).execute();
    }
    changed += rows.length;
  }
  return changed;
}

/** Those of the numbers (at most a chunk) whose person is on the list, under whichever form: the latest change of any form counts. The table is there. */
export async function areOut(db: Kysely<Schema>, phones: string[]): Promise<Set<string>> {
  const latest = new Map<PersonKey, { id: number; isOut: boolean }>();
  for (const forms of chunks([...new Set(phones.flatMap(formsOf))])) {
    const rows = await db.selectFrom('wsend_optouts').select(['id', 'phone', 'is_out']).where('phone', 'in', forms).execute();
    for (const { phone, is_out, ...row } of rows) {
      const [person, id] = [personKey(phone), Number(row.id)];
      if (id > (latest.get(person)?.id ?? 0)) latest.set(person, { id, isOut: Number(is_out) === 1 });
    }
  }
  return new Set(phones.filter((phone) => latest.get(personKey(phone))?.isOut));
}

/** A page of the list, by number, above `after`; `next` is where the one that follows begins, undefined where none does. */
export async function listPage(db: Kysely<Schema>, after: string): Promise<{ rows: Row[]; next: string | undefined }> {
  const rows = await lastOut(db).where('o.phone', '>', after).limit(CHUNK).execute();
  // One form may have been put on the list, and another taken off it since.
  const out = await areOut(
    db,
    rows.map(({ phone }) => phone),
  );
  return { rows: rows.filter(({ phone }) => out.has(phone)), next: rows.at(-1)?.phone };
}

/** The latest change of each number, where it put the number on the list, by number. */
function lastOut(db: Kysely<Schema>) {
  return db
    .selectFrom('wsend_optouts as o')
    .select(['o.phone', 'o.changed_at', 'o.source'])
    .where('o.is_out', '=', 1)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('wsend_optouts as later').select('later.id').whereRef('later.phone', '=', 'o.phone').whereRef('later.id', '>', 'o.id'),
        ),
      ),
    )
    .orderBy('o.phone');
}
