import { factKey } from '../../../core/fact.ts';
import type { Fact } from '../../../core/incoming.ts';
import { plainJson } from '../../../core/plain-json.ts';
import type { StopRules } from '../../../core/stop-words.ts';
import type { Inbox, WorkedOff, WriteText } from '../../../ports/inbox.ts';
import { withDatabaseErrors } from '../open/database-errors.ts';
import { roomsOf } from '../open/room.ts';
import type { Database } from '../open/sql-database.ts';
import { inRepeatableTransaction } from '../open/transaction.ts';
import { chunks } from '../tables/chunks.ts';
import { optionalColumns } from '../tables/optional-columns.ts';
import { migrateOwnTables } from '../tables/own-tables.ts';
import { fromStored, toStored } from '../tables/stored-time.ts';
import { workOffKind } from './work-off.ts';

/** Replies first: Message 2 is to go out at once, and there are few of them among many deliveries. */
const KINDS: Fact['kind'][] = ['reply', 'reaction', 'delivery'];
/** Facts deleted at once. */
const FORGET_AT_ONCE = 1_000;

/**
 * What the provider reported, in the operator's database, in tables of wsend's own. Rejects as `migrateOwnTables` does; every call rejects with DatabaseUnreachable when the database does not answer.
 */
export async function openInbox(database: Database, rules: { stop: StopRules; write: WriteText }): Promise<Inbox> {
  const { db, dialect } = database;
  await migrateOwnTables(database);
  const columns = await withDatabaseErrors(database, () => optionalColumns(database));
  const rooms = await withDatabaseErrors(database, () => roomsOf(database));
  const open = () => db.selectFrom('wsend_inbox').where('kind', 'in', KINDS).where('done_at', 'is', null);
  return {
    add: (facts, receivedAt) =>
      withDatabaseErrors(database, () =>
        inRepeatableTransaction(database, async (transaction) => {
          const at = toStored(receivedAt, dialect);
          const rows = new Map(facts.map((fact) => [factKey(fact), fact]));
          let added = 0;
          for (const some of chunks([...rows])) {
            const values = some.map(([fact_key, fact]) => ({
              ...{ fact_key, kind: fact.kind, fact: plainJson(fact), received_at: at, due_at: at, tries: 0 },
            }));
            const insert = transaction.insertInto('wsend_inbox').values(values);
            const unlessThere = dialect === 'mysql' ? insert.ignore() : insert.onConflict((on) => on.column('fact_key').doNothing());
            added += Number((await unlessThere.executeTakeFirst()).numInsertedOrUpdatedRows ?? 0);
          }
          return added;
        }),
      ),

    workOff: (now) =>
      withDatabaseErrors(database, async () => {
        const all: WorkedOff = { results: [], message2: { pending: 0, failed: 0 }, moved: [] };
        const due = await open().select('kind').where('due_at', '<=', toStored(now, dialect)).distinct().execute();
        for (const kind of KINDS.filter((one) => due.some((row) => row.kind === one))) {
          const { results, message2, moved } = await workOffKind(database, kind, now, { ...rules, columns, rooms });
          all.results.push(...results);
          all.moved.push(...moved);
          all.message2.pending += message2.pending;
          all.message2.failed += message2.failed;
        }
        return all;
      }),

    depth: () =>
      withDatabaseErrors(database, async () => {
        const row = await open()
          .select(({ fn }) => [fn.countAll().as('waiting'), fn.min('received_at').as('oldest')])
          .executeTakeFirstOrThrow();
        return { waiting: Number(row.waiting), oldest: fromStored(row.oldest) };
      }),

    nextDue: () =>
      withDatabaseErrors(database, async () => {
        const row = await open()
          .select(({ fn }) => fn.min('due_at').as('due'))
          .executeTakeFirstOrThrow();
        return fromStored(row.due);
      }),

    forget: (doneBefore) =>
      withDatabaseErrors(database, async () => {
        const old = db
          .selectFrom('wsend_inbox')
          .select('id')
          .where('kind', 'in', KINDS)
          .where('done_at', '<', toStored(doneBefore, dialect));
        const ids = (await old.limit(FORGET_AT_ONCE).execute()).map(({ id }) => Number(id));
        for (const some of chunks(ids)) {
          await db.deleteFrom('wsend_inbox').where('id', 'in', some).execute();
          await db.deleteFrom('wsend_strangers').where('inbox_id', 'in', some).execute();
        }
        return ids.length;
      }),
  };
}
