import { sql } from 'kysely';
import { identityOf } from '../../../core/campaign.ts';
import { noteText, RECENT_PREFIXES } from '../../../core/note.ts';
import type { RecentRule, RecentTexts } from '../../../ports/recent-texts.ts';
import { withDatabaseErrors } from '../open/database-errors.ts';
import type { Database } from '../open/sql-database.ts';
import { inRepeatableTransaction } from '../open/transaction.ts';
import { chunks, inChunks } from '../tables/chunks.ts';
import { hasStatus, messageRows } from '../tables/message-rows.ts';
import { hasCampaignNotes } from '../tables/own-tables.ts';
import { storedText } from '../tables/stored-text.ts';
import { fromStored } from '../tables/stored-time.ts';
import { keptTimes } from '../tables/tables.ts';
import { LONGEST_ERROR } from '../tables/widths.ts';
import { noteCampaign } from './campaign-notes.ts';
import { lockCampaign } from './counters.ts';
import { candidates, confirmed, readRecent } from './recent-rows.ts';

/** Who had which Message 1 lately, as the rows of `messages` say it. */
export function recentTexts(database: Database): RecentTexts {
  const { db, dialect } = database;
  const leftOutRows = (campaign: number) =>
    messageRows(db, campaign)
      .where(hasStatus(dialect, 'pending'))
      .where((eb) => eb.or(RECENT_PREFIXES.map((prefix) => eb('error_message', 'like', `${prefix}%`))));
  return {
    open: () =>
      withDatabaseErrors(database, async () => {
        const sending = await db.selectFrom('campaigns').select('id').where('status', '=', 'sending').execute();
        if (!(await hasCampaignNotes(database))) return sending.map(({ id }) => Number(id));
        const cancelled = await db
          .selectFrom('wsend_campaigns')
          .select('campaign_id as id')
          .where('cancelled_at', 'is not', null)
          .execute();
        return [...new Set([...sending, ...cancelled].map(({ id }) => Number(id)))];
      }),

    read: (since, open, except) => withDatabaseErrors(database, () => readRecent(database, { since, open, except })),

    among: (recent, campaign, messages) =>
      withDatabaseErrors(database, async () => {
        const notes = new Map<string, number[]>();
        for (const some of chunks(messages))
          for (const [row, note] of await confirmed(db, recent, await candidates(db, campaign, some))) {
            const those = notes.get(note) ?? [];
            those.push(row.message);
            if (those.length === 1) notes.set(note, those);
          }
        return notes;
      }),

    count: (recent, people) =>
      withDatabaseErrors(database, async () => {
        let count = 0;
        for await (const some of inChunks(people)) {
          const rows = some.map(({ phone, message1 }, message) => ({ message, phone, content: storedText(message1) }));
          count += (await confirmed(db, recent, rows)).size;
        }
        return count;
      }),

    rule: (campaign) =>
      withDatabaseErrors(database, async () => {
        if (!(await hasCampaignNotes(database))) return null;
        const createdAt = await createdAtOf(database, campaign);
        const noted = await db.selectFrom('wsend_campaigns').selectAll().where('campaign_id', '=', campaign).executeTakeFirst();
        if (noted?.recent && noted.identity === identityOf({ createdAt })) return noted.recent as RecentRule;
        const file = await db.selectFrom('wsend_imports').select('campaign_id').where('campaign_id', '=', campaign).executeTakeFirst();
        return file === undefined ? null : 'leave_out';
      }),

    decide: (campaign, rule) =>
      withDatabaseErrors(database, async () => {
        const identity = identityOf({ createdAt: await createdAtOf(database, campaign) });
        await noteCampaign(db, dialect, { campaign_id: campaign, identity, recent: rule });
        if (rule === 'leave_out') return;
        const ids = await leftOutRows(campaign).select('id').execute();
        await setNote(
          database,
          campaign,
          ids.map(({ id }) => Number(id)),
          { from: 'left out', to: null },
        );
      }),

    leftOut: (campaign) =>
      withDatabaseErrors(database, async () => {
        const row = await leftOutRows(campaign).select(sql<number>`count(*)`.as('count')).executeTakeFirst();
        return Number(row?.count ?? 0);
      }),

    leaveOut: (campaign, rows) =>
      withDatabaseErrors(database, async () => {
        for (const [note, ids] of rows)
          await setNote(database, campaign, ids, { from: null, to: storedText(noteText(note), LONGEST_ERROR) });
      }),
  };
}

async function createdAtOf({ db }: Database, campaign: number): Promise<number | null> {
  const row = await db.selectFrom('campaigns').select('created_at').where('id', '=', campaign).executeTakeFirst();
  return fromStored(row?.created_at);
}

/** Gives these rows a note, as far as they are pending and have none; or takes away the one that left them out. */
async function setNote(
  database: Database,
  campaign: number,
  ids: number[],
  { from, to }: { from: null | 'left out'; to: string | null },
): Promise<void> {
  const { dialect } = database;
  for (const some of chunks(ids))
    await inRepeatableTransaction(database, async (transaction) => {
      await lockCampaign(transaction, dialect, campaign);
      const update = transaction
        .updateTable('messages')
        .set({ ...keptTimes(dialect, 'created_at', 'sent_at'), error_message: to, updated_at: database.stamp() })
        .where('id', 'in', some)
        .where('campaign_id', '=', campaign)
        .where(hasStatus(dialect, 'pending'));
      await (from === null
        ? update.where((eb) => eb.or([eb('error_message', 'is', null), eb('error_message', '=', '')]))
        : update
      ).execute();
    });
}
