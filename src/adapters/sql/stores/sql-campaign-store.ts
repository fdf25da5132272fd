import { sql } from 'kysely';
import { type Campaign, cancelledStatus, identityOf, type MessageType } from '../../../core/campaign.ts';
import { SKIPPED_PREFIX } from '../../../core/note.ts';
import { DUPLICATE } from '../../../core/person.ts';
import type { EpochMs } from '../../../core/units.ts';
import type { CampaignStore } from '../../../ports/campaign-store.ts';
import { openRows, pendingMessage2 } from '../inbox/sql-replies.ts';
import { withDatabaseErrors } from '../open/database-errors.ts';
import type { Database } from '../open/sql-database.ts';
import { inRepeatableTransaction } from '../open/transaction.ts';
import { exactly, hasStatus, messageRows } from '../tables/message-rows.ts';
import { hasCampaignNotes } from '../tables/own-tables.ts';
import { fromStored } from '../tables/stored-time.ts';
import { cancelledAmong, noteCampaign } from './campaign-notes.ts';
import { lockCampaign, tallyFrom, tallyOf, writeStatus } from './counters.ts';

/** Campaigns in the operator's database; tally and failures are those of Message 1 (or 2). Every call rejects with DatabaseUnreachable when the database does not answer. */
export function campaignStore(database: Database, type: MessageType = 'message_1'): CampaignStore {
  const { db, dialect } = database;
  const columns = ['id', 'name', 'message_1', 'message_2', 'status', 'created_at', 'updated_at'] as const;
  return {
    find: (id) =>
      withDatabaseErrors(database, async () => {
        const row = await db.selectFrom('campaigns').select(columns).where('id', '=', id).executeTakeFirst();
        return row && asCampaign(row, await cancelled(database, [row]));
      }),

    list: () =>
      withDatabaseErrors(database, async () => {
        const rows = await db.selectFrom('campaigns').select(columns).orderBy('id', 'desc').execute();
        const counts = await db
          .selectFrom('messages')
          .select(['campaign_id', sql<string>`min(status)`.as('status'), sql<number>`count(*)`.as('count')])
          .where('message_type', '=', 'message_1')
          .groupBy(['campaign_id', exactly(dialect, 'status')])
          .execute();
        const byCampaign = new Map<number, typeof counts>();
        for (const count of counts) byCampaign.set(count.campaign_id, [...(byCampaign.get(count.campaign_id) ?? []), count]);
        const thatSay = async (status: string, beginning: string) => {
          const found = await db
            .selectFrom('messages')
            .select(['campaign_id', sql<number>`count(*)`.as('count')])
            .where('message_type', '=', 'message_1')
            .where(hasStatus(dialect, status))
            .where('error_message', 'like', `${beginning}%`)
            .groupBy('campaign_id')
            .execute();
          return new Map(found.map(({ campaign_id, count }) => [campaign_id, Number(count)]));
        };
        const skipped = await thatSay('pending', SKIPPED_PREFIX);
        const duplicates = await thatSay('failed', DUPLICATE);
        const ended = await cancelled(database, rows);
        return rows.map((row) => ({
          ...asCampaign(row, ended),
          tally: tallyFrom(byCampaign.get(row.id) ?? [], skipped.get(row.id), duplicates.get(row.id)),
        }));
      }),

    tally: (id) => withDatabaseErrors(database, () => tallyOf(db, dialect, id, type)),

    setStatus: (id, status) =>
      withDatabaseErrors(database, () =>
        inRepeatableTransaction(database, async (transaction) => {
          if ((await lockCampaign(transaction, dialect, id)).status === status) return;
          await writeStatus(transaction, dialect, { id, status, now: database.stamp() });
        }),
      ),

    complete: (id, status) =>
      withDatabaseErrors(database, () =>
        inRepeatableTransaction(database, async (transaction) => {
          if ((await lockCampaign(transaction, dialect, id)).status !== 'sending') return false;
          if ((await tallyOf(transaction, dialect, id, type)).pending > 0) return false;
          await writeStatus(transaction, dialect, { id, status, now: database.stamp() });
          return true;
        }),
      ),

    cancel: (id) =>
      withDatabaseErrors(database, () =>
        inRepeatableTransaction(database, async (transaction) => {
          const now = database.stamp();
          await lockCampaign(transaction, dialect, id);
          const { created_at } = await transaction
            .selectFrom('campaigns')
            .select('created_at')
            .where('id', '=', id)
            .executeTakeFirstOrThrow();
          const identity = identityOf({ createdAt: fromStored(created_at) });
          await noteCampaign(transaction, dialect, { campaign_id: id, identity, cancelled_at: now });
          await writeStatus(transaction, dialect, { id, status: cancelledStatus(await tallyOf(transaction, dialect, id, type)), now });
        }),
      ),

    awaitsReplies: (id, now) =>
      withDatabaseErrors(database, async () => {
        const waiting = [openRows(database, id, now), pendingMessage2(database, id)];
        for (const rows of waiting) if ((await rows.select('id').limit(1).executeTakeFirst()) !== undefined) return true;
        return false;
      }),

    failures: (id, limit) =>
      withDatabaseErrors(database, async () => {
        const rows = await messageRows(db, id, type)
          .where(hasStatus(dialect, 'failed'))
          .select(['error_message', sql<number>`count(*)`.as('count')])
          .groupBy('error_message')
          .orderBy('count', 'desc')
          .orderBy('error_message')
          .limit(limit)
          .execute();
        return rows.map(({ error_message, count }) => ({ error: error_message ?? 'no reason recorded', count: Number(count) }));
      }),
  };
}

/** When each of these was cancelled; none was where wsend has no such table yet. */
async function cancelled(database: Database, rows: CampaignRow[]): Promise<Map<number, EpochMs>> {
  return (await hasCampaignNotes(database)) ? cancelledAmong(database.db, rows) : new Map();
}

interface CampaignRow {
  id: number;
  name: string;
  message_1: string | null;
  message_2: string | null;
  status: string;
  created_at: unknown;
  updated_at: unknown;
}

function asCampaign(row: CampaignRow, cancelled: Map<number, EpochMs>): Campaign {
  return {
    id: Number(row.id),
    name: row.name ?? '',
    message1: row.message_1,
    message2: row.message_2,
    status: row.status ?? '',
    createdAt: fromStored(row.created_at),
    updatedAt: fromStored(row.updated_at),
    cancelledAt: cancelled.get(Number(row.id)) ?? null,
  };
}
