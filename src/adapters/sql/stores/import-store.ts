import { type Kysely, sql } from 'kysely';
import { identityOf } from '../../../core/campaign.ts';
import { noteText } from '../../../core/note.ts';
import { UsageError } from '../../../errors.ts';
import type { CampaignPlan, ImportStore, PlannedRecipient } from '../../../ports/campaign-store.ts';
import type { Recent, RecentRule } from '../../../ports/recent-texts.ts';
import { isDuplicate, refusesValue, withDatabaseErrors } from '../open/database-errors.ts';
import type { SqlDialect } from '../open/dialect.ts';
import { insertedId } from '../open/dialect.ts';
import { fitted, type Rooms, roomsOf, takes } from '../open/room.ts';
import type { Database } from '../open/sql-database.ts';
import { inTransaction } from '../open/transaction.ts';
import { inChunks } from '../tables/chunks.ts';
import { messageRows } from '../tables/message-rows.ts';
import { hasOwnTables, migrateOwnTables } from '../tables/own-tables.ts';
import { storedText } from '../tables/stored-text.ts';
import { fromStored } from '../tables/stored-time.ts';
import type { Schema } from '../tables/table-types.ts';
import { LONGEST_ERROR, LONGEST_NAME } from '../tables/widths.ts';
import { noteCampaign } from './campaign-notes.ts';
import { contactIdsFor, type SpelledOut, spelledOutContacts } from './contacts.ts';
import { recount } from './counters.ts';
import { confirmed } from './recent-rows.ts';

/** Campaigns made from files. Every call rejects with DatabaseUnreachable when the database does not answer. */
export function importStore(database: Database): ImportStore {
  return {
    findImport: (fingerprint) =>
      withDatabaseErrors(database, async () => ((await hasOwnTables(database)) ? imported(database.db, fingerprint) : undefined)),

    /** Rejects with UsageError when the fingerprint is a campaign already, a number occurs twice, or the database does not hold a text. */
    createCampaign: (plan) =>
      withDatabaseErrors(database, async () => {
        await migrateOwnTables(database);
        try {
          const rooms = await roomsOf(database);
          return await inTransaction(database, (transaction) => create(transaction, { ...database, rooms }, plan));
        } catch (error) {
          if (refusesValue(error)) throw doesNotHold('the database', error);
          if (!isDuplicate(error)) throw error;
          // Two imports of the same file at once, and the other one was first; or a number that the file has twice.
          const campaign = await imported(database.db, plan.fingerprint);
          throw campaign === undefined
            ? new UsageError('a number occurs more than once in this file', undefined, error)
            : alreadyImported(campaign);
        }
      }),
  };
}

/** A campaign that has been deleted since does not count. */
async function imported(db: Kysely<Schema>, fingerprint: string): Promise<number | undefined> {
  return (await importOf(db, fingerprint))?.id ?? undefined;
}

async function importOf(db: Kysely<Schema>, fingerprint: string): Promise<{ campaign_id: number; id: number | null } | undefined> {
  return db
    .selectFrom('wsend_imports as i')
    .leftJoin('campaigns as c', 'c.id', 'i.campaign_id')
    .select(['i.campaign_id', 'c.id'])
    .where('i.fingerprint', '=', fingerprint)
    .executeTakeFirst();
}

function alreadyImported(campaign: number): UsageError {
  return new UsageError(
    `this file with this text is campaign ${campaign} already`,
    `Continue it with wsend resume ${campaign}, or send it to everyone again with --again.`,
  );
}

async function create(
  db: Kysely<Schema>,
  { dialect, stamp, rooms }: Database & { rooms: Rooms },
  plan: CampaignPlan,
): Promise<{ campaign: number; recipients: number; leftOut: number }> {
  const now = stamp();
  const existing = await importOf(db, plan.fingerprint);
  if (existing?.id != null) throw alreadyImported(existing.id);
  if (existing !== undefined) await forget(db, existing.campaign_id);
  const campaign = await insertCampaign(db, { dialect, rooms, now }, plan);
  await db.insertInto('wsend_imports').values({ campaign_id: campaign, fingerprint: plan.fingerprint, created_at: now }).execute();
  if (plan.rule !== undefined) await noteRule(db, dialect, { campaign, rule: plan.rule });
  const spelledOut = await spelledOutContacts(db, dialect);
  let leftOut = 0;
  for await (const recipients of inChunks(plan.recipients))
    leftOut += await insertRecipients(db, { dialect, rooms, campaign, recipients, spelledOut, recent: plan.recent ?? null, now });
  await recount(db, dialect, campaign, now);
  const recipients = await countOnce(db, campaign);
  if (leftOut > 0 && leftOut === recipients) throw nobodyLeft();
  return { campaign, recipients, leftOut };
}

/** The error of a campaign that would have no recipients. */
function nobodyLeft(): UsageError {
  return new UsageError('everybody in this file had this very text lately', 'Nothing was sent. To send it to them again, add --again.');
}

async function noteRule(
  db: Kysely<Schema>,
  dialect: SqlDialect,
  { campaign, rule }: { campaign: number; rule: RecentRule },
): Promise<void> {
  // As the database has it: some round what they store.
  const { created_at } = await db.selectFrom('campaigns').select('created_at').where('id', '=', campaign).executeTakeFirstOrThrow();
  await noteCampaign(db, dialect, { campaign_id: campaign, identity: identityOf({ createdAt: fromStored(created_at) }), recent: rule });
}

/** What is left of an import whose campaign has been deleted. */
async function forget(db: Kysely<Schema>, campaign: number): Promise<void> {
  await db.deleteFrom('wsend_imports').where('campaign_id', '=', campaign).execute();
  await db.deleteFrom('wsend_campaigns').where('campaign_id', '=', campaign).execute();
  await db.deleteFrom('wsend_message_2').where('campaign_id', '=', campaign).execute();
}

async function insertCampaign(
  db: Kysely<Schema>,
  { dialect, rooms, now }: Pick<Chunk, 'dialect' | 'rooms' | 'now'>,
  plan: CampaignPlan,
): Promise<number> {
  if (!takes(rooms('campaigns', 'message_1'), plan.message1)) throw doesNotHold('campaigns.message_1');
  if (!takes(rooms('campaigns', 'message_2'), plan.message2 ?? '')) throw doesNotHold('campaigns.message_2');
  const insert = db.insertInto('campaigns').values({
    name: fitted(plan.name, rooms('campaigns', 'name'), LONGEST_NAME),
    message_1: storedText(plan.message1),
    message_2: plan.message2 === null ? null : storedText(plan.message2),
    status: 'draft',
    total_recipients: 0,
    sent_count: 0,
    success_count: 0,
    failed_count: 0,
    created_at: now,
    updated_at: now,
  });
  return insertedId(dialect, insert);
}

interface Chunk {
  dialect: SqlDialect;
  rooms: Rooms;
  campaign: number;
  recipients: PlannedRecipient[];
  spelledOut: SpelledOut;
  recent: Recent | null;
  now: string;
}

/** Returns how many of them are left out, because they had the text lately. */
async function insertRecipients(
  db: Kysely<Schema>,
  { dialect, rooms, campaign, recipients, spelledOut, recent, now }: Chunk,
): Promise<number> {
  const room = rooms('messages', 'content');
  if (recipients.some(({ message1, message2 }) => !takes(room, message1) || !takes(room, message2 ?? '')))
    throw doesNotHold('messages.content');
  const contactIds = await contactIdsFor(db, dialect, { people: recipients, spelledOut, rooms, now });
  const texts = recipients.map(({ phone, message1 }, message) => ({ message, phone, content: storedText(message1) }));
  const had = recent === null ? new Map<(typeof texts)[number], string>() : await confirmed(db, recent, texts);
  const messages = texts.map((text, at) => ({
    campaign_id: campaign,
    contact_id: contactIds[at] as number,
    message_type: 'message_1',
    content: text.content,
    status: 'pending',
    ...(had.size > 0 && { error_message: noteOf(had.get(text)) }),
    retry_count: 0,
    created_at: now,
    updated_at: now,
  }));
  await db.insertInto('messages').values(messages).execute();
  const second = recipients.flatMap(({ message2 }, at) =>
    message2 === null ? [] : [{ campaign_id: campaign, contact_id: contactIds[at] as number, content: storedText(message2) }],
  );
  if (second.length > 0) await db.insertInto('wsend_message_2').values(second).execute();
  return had.size;
}

function noteOf(note: string | undefined): string | null {
  return note === undefined ? null : storedText(noteText(note), LONGEST_ERROR);
}

/** Nothing of the campaign stays. Its texts are never cut. */
function doesNotHold(place: string, cause?: unknown): UsageError {
  return new UsageError(
    `${place} does not hold a text of this campaign: it is too long, or has characters that the character set lacks`,
    'Nothing was sent, and no campaign was made. Shorten the text, or keep it in a column for texts in UTF-8.',
    cause,
  );
}

/** How many recipients were made; no person may be among them twice, whatever read the file. */
async function countOnce(db: Kysely<Schema>, campaign: number): Promise<number> {
  const counts = messageRows(db, campaign).select([
    sql<number>`count(*)`.as('rows'),
    sql<number>`count(distinct contact_id)`.as('contacts'),
  ]);
  const { rows, contacts } = await counts.executeTakeFirstOrThrow();
  if (Number(rows) !== Number(contacts))
    throw new UsageError(`${Number(rows) - Number(contacts)} numbers occur more than once in this file`);
  return Number(rows);
}
