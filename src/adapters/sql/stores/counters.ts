import { type Kysely, sql } from 'kysely';
import type { CampaignStatus, MessageType } from '../../../core/campaign.ts';
import { SKIPPED_PREFIX } from '../../../core/note.ts';
import { DUPLICATE } from '../../../core/person.ts';
import { UsageError } from '../../../errors.ts';
import type { Tally } from '../../../ports/campaign-store.ts';
import type { CountersMoved } from '../../../ports/inbox.ts';
import type { SqlDialect } from '../open/dialect.ts';
import { locked } from '../open/dialect.ts';
import { exactly, messageRows, TAKEN } from '../tables/message-rows.ts';
import type { Schema } from '../tables/table-types.ts';
import { keptTimes } from '../tables/tables.ts';

/**
 * The campaign's row, kept from others until the transaction ends (SQLite has already locked the file). It is locked before the rows of
 * `messages`, always in this order. Rejects with UsageError when there is no such campaign.
 */
export async function lockCampaign(transaction: Kysely<Schema>, dialect: SqlDialect, id: number): Promise<{ status: string }> {
  const query = transaction.selectFrom('campaigns').select('status').where('id', '=', id);
  const row = await locked(dialect, query).executeTakeFirst();
  if (row === undefined)
    throw new UsageError(`there is no campaign ${id} in the database`, 'See the campaigns there are with: wsend status');
  return row;
}

/** Message 1 (or 2) rows of one campaign by status. A status that wsend does not use counts in the total alone. */
export async function tallyOf(db: Kysely<Schema>, dialect: SqlDialect, campaign: number, type: MessageType = 'message_1'): Promise<Tally> {
  const counts = await messageRows(db, campaign, type)
    .select([sql<string>`min(status)`.as('status'), sql<number>`count(*)`.as('count')])
    .groupBy(exactly(dialect, 'status'))
    .execute();
  const has = (wanted: string) => counts.some(({ status }) => status === wanted);
  const skipped = has('pending') ? await rowsThatSay(db, { campaign, type, status: 'pending', beginning: SKIPPED_PREFIX }) : 0;
  const duplicates = has('failed') ? await rowsThatSay(db, { campaign, type, status: 'failed', beginning: DUPLICATE }) : 0;
  return tallyFrom(counts, skipped, duplicates);
}

interface Saying {
  campaign: number;
  type: MessageType;
  status: string;
  beginning: string;
}

/** Rows of one status whose error text begins so: pending ones that were left out, say. */
async function rowsThatSay(db: Kysely<Schema>, { campaign, type, status, beginning }: Saying): Promise<number> {
  const row = await messageRows(db, campaign, type)
    .where('status', '=', status)
    .where('error_message', 'like', `${beginning}%`)
    .select(sql<number>`count(*)`.as('count'))
    .executeTakeFirst();
  return Number(row?.count ?? 0);
}

/** A tally from counts by status, how many of the pending rows were left out, and how many of the failed were duplicates. */
export function tallyFrom(counts: { status: string; count: number }[], skipped = 0, duplicates = 0): Tally {
  const count = (...statuses: string[]) => sum(counts.filter(({ status }) => statuses.includes(status)));
  return {
    total: sum(counts),
    pending: count('pending') - skipped,
    sent: count(...TAKEN),
    failed: count('failed'),
    ...(duplicates > 0 && { duplicates }),
  };
}

function sum(counts: { count: number }[]): number {
  return counts.reduce((total, { count }) => total + Number(count), 0);
}

/** Sets the campaign's counters to what its rows say: sent and success are those that the provider took. */
export async function recount(transaction: Kysely<Schema>, dialect: SqlDialect, campaign: number, now: string): Promise<void> {
  const { total, sent, failed } = await tallyOf(transaction, dialect, campaign);
  await transaction
    .updateTable('campaigns')
    .set({
      ...keptTimes(dialect, 'created_at'),
      total_recipients: total,
      sent_count: sent,
      success_count: sent,
      failed_count: failed,
      updated_at: now,
    })
    .where('id', '=', campaign)
    .execute();
}

/** Writes a status, and the counters of the same moment. */
export async function writeStatus(
  transaction: Kysely<Schema>,
  dialect: SqlDialect,
  { id, status, now }: { id: number; status: CampaignStatus; now: string },
): Promise<void> {
  const changed = { ...keptTimes(dialect, 'created_at'), status, updated_at: now };
  await transaction.updateTable('campaigns').set(changed).where('id', '=', id).execute();
  await recount(transaction, dialect, id, now);
}

/** Moves the campaign's counters by the rows that have just changed, so that a flush costs the same however large the campaign is. */
export async function moveCounters(
  transaction: Kysely<Schema>,
  dialect: SqlDialect,
  { by, now }: { by: Pick<CountersMoved, 'campaign' | 'sent' | 'failed'>; now: string },
): Promise<void> {
  const moved = (column: 'sent_count' | 'success_count' | 'failed_count', delta: number) =>
    sql<number>`coalesce(${sql.ref(column)}, 0) + ${delta}`;
  await transaction
    .updateTable('campaigns')
    .set({
      ...keptTimes(dialect, 'created_at'),
      sent_count: moved('sent_count', by.sent),
      success_count: moved('success_count', by.sent),
      failed_count: moved('failed_count', by.failed),
      updated_at: now,
    })
    .where('id', '=', by.campaign)
    .execute();
}

/** A completed campaign of which everyone has failed after all, at the provider that had accepted them, is `failed` (see earnedStatus). */
export async function failWhereAllFailed(
  transaction: Kysely<Schema>,
  dialect: SqlDialect,
  { campaign, now }: { campaign: number; now: string },
): Promise<void> {
  const taken = await messageRows(transaction, campaign).where('status', 'in', TAKEN).select('id').limit(1).execute();
  if (taken.length > 0) return;
  await transaction
    .updateTable('campaigns')
    .set({ ...keptTimes(dialect, 'created_at'), status: 'failed', updated_at: now })
    .where('id', '=', campaign)
    .where('status', '=', 'completed')
    .execute();
}
