import { type Kysely, sql } from 'kysely';
import { type ContactEvent, type EventStore, newestFirst } from './events.ts';
import { grouped } from './grouped.ts';
import type { Tables } from './sqlite-tables.ts';

/** Ids in one question. */
const IDS_AT_ONCE = 500;

const COLUMNS = [
  'event_id as id',
  'kind',
  'message',
  'phone',
  'device',
  'content as text',
  'happens_at as at',
  'calls',
  'call_at as callAt',
] as const;

/** Events in the tables of a sandbox's file. */
export function sqliteEvents(db: Kysely<Tables>): EventStore {
  const selected = db.selectFrom('wsend_sandbox_events').select(COLUMNS);
  return {
    add: (events) => insertEvents(db, events),

    async about(messages) {
      const found: ContactEvent[] = [];
      for (let from = 0; from < messages.length; from += IDS_AT_ONCE) {
        const some = messages.slice(from, from + IDS_AT_ONCE);
        found.push(...(await selected.where('message', 'in', some).orderBy('wsend_sandbox_events.id').execute()));
      }
      return found;
    },

    async replies({ phone, device, after, until, size, page }) {
      let query = selected.where('kind', '=', 'reply').where('happens_at', '<=', until);
      if (phone !== undefined) query = query.where('phone', '=', phone);
      if (device !== undefined) query = query.where('device', '=', device);
      if (after !== undefined) query = query.where('happens_at', '>', after);
      const order = query.orderBy('happens_at', 'desc').orderBy('wsend_sandbox_events.id', 'desc');
      return order
        .limit(size)
        .offset(page * size)
        .execute();
    },

    untold: () => selected.where('calls', '>', 0).orderBy('wsend_sandbox_events.id').execute(),

    told: grouped((ids) => countDown(db, ids)),

    async latest(until, limit) {
      // SQLite takes the other columns from the row of the maximum.
      const written = await db
        .selectFrom('wsend_sandbox_messages')
        .select(['public_id as id', 'wa_id as waId', 'reference', 'phone', 'device', 'content', 'taken_at as at', 'fails'])
        .select((is) => is.fn.max('id').as('newest'))
        .where('taken_at', '<=', until)
        .groupBy('phone')
        .orderBy('newest', 'desc')
        .limit(limit)
        .execute();
      const replied = await selected
        .select((is) => is.fn.max('happens_at').as('newest'))
        .where('kind', '=', 'reply')
        .where('happens_at', '<=', until)
        .groupBy('phone')
        .orderBy('newest', 'desc')
        .limit(limit)
        .execute();
      const messages = written.map(({ newest: _, fails, ...message }) => ({ ...message, fails: fails === 1 }));
      const replies = replied.map(({ newest: _, ...reply }) => reply);
      const newest = new Map<string, (typeof messages)[number] | (typeof replies)[number]>();
      for (const entry of newestFirst([...messages, ...replies])) if (!newest.has(entry.phone)) newest.set(entry.phone, entry);
      return [...newest.values()].slice(0, limit);
    },
  };
}

async function countDown(db: Kysely<Tables>, ids: string[]): Promise<void> {
  const list = JSON.stringify(ids);
  await sql`
    update wsend_sandbox_events set calls = max(0, calls - (select count(*) from json_each(${list}) where value = event_id))
    where event_id in (select value from json_each(${list}))`.execute(db);
}

/** Writes events with one statement, however many they are. */
export async function insertEvents(db: Kysely<Tables>, events: ContactEvent[]): Promise<void> {
  if (events.length === 0) return;
  await sql`
    insert into wsend_sandbox_events (event_id, kind, message, phone, device, content, happens_at, calls, call_at)
    select value ->> 'id', value ->> 'kind', value ->> 'message', value ->> 'phone', value ->> 'device', value ->> 'text', value ->> 'at', value ->> 'calls', value ->> 'callAt'
    from json_each(${JSON.stringify(events)}) order by key`.execute(db);
}
