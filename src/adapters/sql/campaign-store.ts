import { sql } from 'kysely';
import type { Campaign, MessageType } from '../../core/campaign.ts';
import { SKIPPED_PREFIX } from '../../core/note.ts';
import type { CampaignStore } from '../../ports.ts';
import { lockCampaign, tallyFrom, tallyOf, writeStatus } from './counters.ts';
import type { Database } from './database.ts';
import { asking } from './database-errors.ts';
import { exactly, hasStatus, messageRows } from './message-rows.ts';
import { openRows, pendingMessage2 } from './replies.ts';
import { fromStored } from './stored-time.ts';
import { inRepeatableTransaction } from './transaction.ts';

/** Campaigns in the operator's database; tally and failures are those of Message 1 (or 2). Every call rejects with DatabaseUnreachable when the database does not answer. */
export function campaignStore(database: Database, type: MessageType = 'message_1'): CampaignStore {
  const { db, dialect } = database;
  const columns = ['id', 'name', 'message_1', 'message_2', 'status', 'created_at', 'updated_at'] as const;
  return {
    find: (id) =>
      asking(database, async () => {
        const row = await db.selectFrom('campaigns').select(columns).where('id', '=', id).executeTakeFirst();
        return row && asCampaign(row);
      }),

    list: () =>
      asking(database, async () => {
        const rows = await db.selectFrom('campaigns').select(columns).orderBy('id', 'desc').execute();
        const counts = await db
          .selectFrom('messages')
          .select(['campaign_id', sql<string>`min(status)`.as('status'), sql<number>`count(*)`.as('count')])
          .where('message_type', '=', 'message_1')
          .groupBy(['campaign_id', exactly(dialect, 'status')])
          .execute();
        const byCampaign = new Map<number, typeof counts>();
        for (const count of counts) byCampaign.set(count.campaign_id, [...(byCampaign.get(count.campaign_id) ?? []), count]);
        const skipped = await db
          .selectFrom('messages')
          .select(['campaign_id', sql<number>`count(*)`.as('count')])
          .where('message_type', '=', 'message_1')
          .where(hasStatus(dialect, 'pending'))
          .where('error_message', 'like', `${SKIPPED_PREFIX}%`)
          .groupBy('campaign_id')
          .execute();
        const left = new Map(skipped.map(({ campaign_id, count }) => [campaign_id, Number(count)]));
        return rows.map((row) => ({ ...asCampaign(row), tally: tallyFrom(byCampaign.get(row.id) ?? [], left.get(row.id)) }));
      }),

    tally: (id) => asking(database, () => tallyOf(db, dialect, id, type)),

    setStatus: (id, status) =>
      asking(database, () =>
        inRepeatableTransaction(database, async (transaction) => {
          if ((await lockCampaign(transaction, dialect, id)).status === status) return;
          await writeStatus(transaction, dialect, { id, status, now: database.stamp() });
        }),
      ),

    complete: (id, status) =>
      asking(database, () =>
        inRepeatableTransaction(database, async (transaction) => {
          if ((await lockCampaign(transaction, dialect, id)).status !== 'sending') return false;
          if ((await tallyOf(transaction, dialect, id, type)).pending > 0) return false;
          await writeStatus(transaction, dialect, { id, status, now: database.stamp() });
          return true;
        }),
      ),

    awaitsReplies: (id, now) =>
      asking(database, async () => {
        const waiting = [openRows(database, id, now), pendingMessage2(database, id)];
        for (const rows of waiting) if ((await rows.select('id').limit(1).executeTakeFirst()) !== undefined) return true;
        return false;
      }),

    failures: (id, limit) =>
      asking(database, async () => {
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

interface CampaignRow {
  id: number;
  name: string;
  message_1: string | null;
  message_2: string | null;
  status: string;
  created_at: unknown;
  updated_at: unknown;
}

function asCampaign(row: CampaignRow): Campaign {
  return {
    id: Number(row.id),
    name: row.name ?? '',
    message1: row.message_1,
    message2: row.message_2,
    status: row.status ?? '',
    createdAt: fromStored(row.created_at),
    updatedAt: fromStored(row.updated_at),
  };
}
