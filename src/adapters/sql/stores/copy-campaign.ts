import { type Kysely, sql } from 'kysely';
import { campaignName } from '../../../core/checkpoint.ts';
import { UsageError } from '../../../errors.ts';
import { withDatabaseErrors } from '../open/database-errors.ts';
import { type Reading, reading } from '../open/reading.ts';
import type { Database } from '../open/sql-database.ts';
import { inTransaction } from '../open/transaction.ts';
import { checkColumns } from '../tables/schema.ts';
import { fromStored, toStored } from '../tables/stored-time.ts';
import type { Schema } from '../tables/table-types.ts';
import { operatorTables } from '../tables/tables.ts';
import { cancelledAmong } from './campaign-notes.ts';
import { copyList } from './copy-opt-outs.ts';
import { copyRecipients } from './copy-recipients.ts';
import { recount } from './counters.ts';

/** What is copied, from where to where. */
export interface Copying {
  from: Database;
  to: Database;
  campaign: number;
  epoch?: number;
}

/**
 * Makes a campaign of the operator's database `from` again in the sandbox's database `to` (SQLite, all tables there), under its own number, as a
 * draft: its texts, its pending Message 1 rows (where it has none at all, the contacts of its categories), and who wants no messages. What an
 * earlier copy left goes first, but for its lease; all or nothing of it happens. `from` is only read, a page at a time, as it is at one moment.
 * `epoch` is that of the lease under which it is copied: the checkpoint says of it that it knew everything, for nothing of a copy was ever sent,
 * and the run that follows need not look anybody up. Rejects with UsageError when `from` has no such campaign, or lacks a column that wsend needs;
 * with DatabaseUnreachable when either does not answer.
 */
export async function copyCampaign({ from, to, campaign, epoch }: Copying): Promise<void> {
  await reading(from, async (source) => {
    const original = await findOriginal(source, campaign);
    const now = to.stamp();
    await withDatabaseErrors(to, () =>
      inTransaction(to, async (rehearsal) => {
        await removeCopy(rehearsal, campaign);
        await insertCampaign(rehearsal, original, now);
        await copyRecipients({ source, rehearsal, campaign, now });
        await copyList(source, rehearsal, now);
        if (epoch !== undefined) await noteKnown(rehearsal, campaign, epoch);
        await recount(rehearsal, 'sqlite', campaign, now);
      }),
    );
  });
}

type Original = Awaited<ReturnType<typeof findOriginal>>;

async function findOriginal({ db, dialect, tables }: Reading, campaign: number) {
  checkColumns(operatorTables(dialect), tables);
  const columns = ['id', 'name', 'message_1', 'message_2', 'created_at'] as const;
  const found = tables.has('campaigns')
    ? await db.selectFrom('campaigns').select(columns).where('id', '=', campaign).executeTakeFirst()
    : undefined;
  if (found !== undefined && tables.has('wsend_campaigns') && (await cancelledAmong(db, [found])).size > 0)
    throw new UsageError(`campaign ${campaign} was cancelled: nothing is sent for it any more, nor rehearsed`, 'Make a new campaign.');
  if (found !== undefined) return found;
  throw new UsageError(
    `there is no campaign ${campaign} in the database`,
    'wsend status lists the campaigns; DATABASE_URL says which database it is.',
  );
}

/** Its lease stays: an epoch is never given twice. Nor are the ids of its messages, which SQLite counts on. */
async function removeCopy(rehearsal: Kysely<Schema>, campaign: number): Promise<void> {
  const ids = rehearsal.selectFrom('messages').select('id').where('campaign_id', '=', campaign);
  for (const table of ['wsend_provider_ids', 'wsend_message_2_lines'] as const)
    await rehearsal.deleteFrom(table).where('message_id', 'in', ids).execute();
  for (const table of ['interactions', 'messages', 'wsend_message_2', 'wsend_imports', 'wsend_campaigns', 'campaign_categories'] as const)
    await rehearsal.deleteFrom(table).where('campaign_id', '=', campaign).execute();
  await rehearsal.deleteFrom('category_contacts').where('category_id', '=', campaign).execute();
  await sql`delete from categories where id = ${campaign}`.execute(rehearsal);
  await rehearsal.deleteFrom('campaigns').where('id', '=', campaign).execute();
  for (const table of ['wsend_entries', 'wsend_checkpoints'] as const)
    await rehearsal.deleteFrom(table).where('name', 'in', namesOf(campaign)).execute();
}

async function noteKnown(rehearsal: Kysely<Schema>, campaign: number, epoch: number): Promise<void> {
  for (const name of namesOf(campaign)) {
    await rehearsal.insertInto('wsend_checkpoints').values({ name, epoch, step: 0, kept_until: null }).execute();
    await rehearsal
      .insertInto('wsend_entries')
      .values({ name, field: 'known', value: String(epoch) })
      .execute();
  }
}

function namesOf(campaign: number): string[] {
  return [campaignName(campaign, 'message_1'), campaignName(campaign, 'message_2')];
}

async function insertCampaign(rehearsal: Kysely<Schema>, { name, created_at, ...original }: Original, now: string): Promise<void> {
  const createdAt = fromStored(created_at);
  const row = {
    ...original,
    name: name ?? '',
    status: 'draft',
    created_at: createdAt === null ? now : toStored(createdAt, 'sqlite'),
    updated_at: now,
  };
  await rehearsal.insertInto('campaigns').values(row).execute();
}
