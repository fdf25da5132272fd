import { type Kysely, sql } from 'kysely';
import type { ContactEvent } from './events.ts';
import { grouped } from './grouped.ts';
import { insertEvents, sqliteEvents } from './sqlite-events.ts';
import { createSandboxTables, type Tables } from './sqlite-tables.ts';
import type { SandboxStore } from './store.ts';
import type { TakenMessage } from './taken-message.ts';

/** Ids in one question; a request holds no more. */
const MOST_IDS = 1_000;

/**
 * A store in an SQLite file that `openSqlite` has opened; its tables are created where missing, and the file stays its owner's to close.
 * Messages that arrive together are written by one statement, hence one sync of the disk for all of them.
 */
export async function sqliteSandboxStore(database: Kysely<never>): Promise<SandboxStore> {
  const db = database as unknown as Kysely<Tables>;
  await createSandboxTables(db);
  const selected = db
    .selectFrom('wsend_sandbox_messages')
    .select(['public_id as id', 'wa_id as waId', 'reference', 'phone', 'device', 'content', 'taken_at as at', 'fails']);

  const addTogether = grouped<{ message: TakenMessage; planned: ContactEvent[] }>((group) => {
    const messages = group.map(({ message }) => message);
    const events = group.flatMap(({ planned }) => planned);
    if (events.length === 0) return insert(db, messages);
    return db.transaction().execute(async (work) => {
      await insert(work, messages);
      await insertEvents(work, events);
    });
  });
  return {
    events: sqliteEvents(db),

    add: (message, planned = []) => addTogether({ message, planned }),

    async list({ reference, phone, device, ids, after, until, size, page }) {
      let query = selected.where('taken_at', '<=', until);
      if (reference !== undefined) query = query.where('reference', '=', reference);
      if (phone !== undefined) query = query.where('phone', '=', phone);
      if (device !== undefined) query = query.where('device', '=', device);
      if (ids !== undefined) query = query.where('public_id', 'in', ids.slice(0, MOST_IDS));
      if (after !== undefined) query = query.where('taken_at', '>', after);
      const rows = await query
        .orderBy('wsend_sandbox_messages.id', 'desc')
        .limit(size)
        .offset(page * size)
        .execute();
      return rows.map((row) => ({ ...row, fails: row.fails === 1 }));
    },

    async find(id) {
      const row = await selected.where('public_id', '=', id).executeTakeFirst();
      return row === undefined ? undefined : { ...row, fails: row.fails === 1 };
    },

    async holdings() {
      const { taken } = await db.selectFrom('wsend_sandbox_messages').select(sql<number>`count(*)`.as('taken')).executeTakeFirstOrThrow();
      const duplicates = await db
        .selectFrom('wsend_sandbox_messages')
        .select(['reference', sql<number>`count(*)`.as('count')])
        .where('reference', '<>', '')
        .groupBy('reference')
        .having(sql<number>`count(*)`, '>', 1)
        .execute();
      return { taken, duplicates };
    },
  };
}

/** One parameter for all messages keeps the statement the same, and so prepared quickly, however many there are. */
async function insert(db: Kysely<Tables>, messages: TakenMessage[]): Promise<void> {
  await sql`
    insert into wsend_sandbox_messages (public_id, wa_id, reference, phone, device, content, taken_at, fails)
    select value ->> 'id', value ->> 'waId', value ->> 'reference', value ->> 'phone', value ->> 'device', value ->> 'content', value ->> 'at', value ->> 'fails'
    from json_each(${JSON.stringify(messages)}) order by key`.execute(db);
}
