import type { Kysely } from 'kysely';
import { BEFORE_ALL } from '../../../core/campaign.ts';
import { personKey } from '../../../core/person.ts';
import { createPersonTable } from '../../../core/person-table.ts';
import { toE164 } from '../../../core/phone.ts';
import { trimmed } from '../../../core/trimmed.ts';
import { UsageError } from '../../../errors.ts';
import type { RenderText } from '../../../ports/campaign-store.ts';
import { roomsOf, takes } from '../open/room.ts';
import type { Database } from '../open/sql-database.ts';
import { inTransaction } from '../open/transaction.ts';
import { CHUNK, inChunks } from '../tables/chunks.ts';
import { asText, messageRows } from '../tables/message-rows.ts';
import { storedText } from '../tables/stored-text.ts';
import type { Schema } from '../tables/table-types.ts';
import { lockCampaign, recount } from './counters.ts';

/** Rows that were made, and contacts that were left out: known to be without WhatsApp, or the same person as another. */
interface Prepared {
  made: number;
  unverified: number;
  duplicates: number;
}

/**
 * Makes the Message 1 rows of a campaign that has none, one for each contact of its categories that is not known to be without WhatsApp,
 * by contact id. One transaction with the campaign's row locked, so that of two runs only one makes them; whatever `render` and `check` throw undoes all. A contact without a text gets no row.
 */
export async function prepare(
  database: Database,
  campaign: number,
  { render, check = () => undefined }: { render: RenderText; check?: (() => void) | undefined },
): Promise<Prepared> {
  const room = (await roomsOf(database))('messages', 'content');
  return inTransaction(database, async (transaction) => {
    await lockCampaign(transaction, database.dialect, campaign);
    const prepared = { made: 0, unverified: 0, duplicates: 0 };
    if ((await messageRows(transaction, campaign).select('id').limit(1).executeTakeFirst()) !== undefined) return prepared;
    const now = database.stamp();
    const isNew = newPeople();
    for await (const contacts of contactsOf(transaction, campaign)) {
      const verified = contacts.filter(({ whatsapp_verified }) => !isFalse(whatsapp_verified));
      const reachable = verified.filter(isNew);
      const rows = reachable.flatMap((contact) => {
        const content = render(fieldsOf(contact), Number(contact.id));
        if (content === null) return [];
        if (!takes(room, content)) throw tooNarrow(Number(contact.id));
        const row = { campaign_id: campaign, contact_id: contact.id, message_type: 'message_1', content: storedText(content) };
        return [{ ...row, status: 'pending', retry_count: 0, created_at: now, updated_at: now }];
      });
      if (rows.length > 0) await transaction.insertInto('messages').values(rows).execute();
      prepared.made += rows.length;
      prepared.unverified += contacts.length - verified.length;
      prepared.duplicates += verified.length - reachable.length;
    }
    check();
    if (prepared.made > 0) await recount(transaction, database.dialect, campaign, now);
    return prepared;
  });
}

/** How many rows `prepare` would make, and contacts it would leave out as duplicates: none for a campaign that has rows already. */
export async function preparable(
  { db }: Database,
  campaign: number,
  render: RenderText = () => '',
): Promise<{ count: number; duplicates: number }> {
  if ((await messageRows(db, campaign).select('id').limit(1).executeTakeFirst()) !== undefined) return { count: 0, duplicates: 0 };
  let count = 0;
  let duplicates = 0;
  const isNew = newPeople();
  for await (const contacts of contactsOf(db, campaign)) {
    const verified = contacts.filter(({ whatsapp_verified }) => !isFalse(whatsapp_verified));
    const reachable = verified.filter(isNew);
    count += reachable.filter((contact) => render(fieldsOf(contact), Number(contact.id)) !== null).length;
    duplicates += verified.length - reachable.length;
  }
  return { count, duplicates };
}

function tooNarrow(contact: number): UsageError {
  return new UsageError(
    `messages.content does not hold the text of contact ${contact}: it is too long, or has characters that its character set lacks`,
    'Shorten the text, or make the column a text in UTF-8.',
  );
}

/** What a template of a database campaign can read of its contact. */
export const FIELDS = ['first_name', 'last_name', 'full_number', 'phone_number', 'country_code'] as const;

/** The same as a template gets it: texts without blanks at their ends, empty where there is none or nothing to be seen. */
export function fieldsOf(contact: Record<(typeof FIELDS)[number], string | null>): Record<string, string> {
  return Object.fromEntries(FIELDS.map((field) => [field, trimmed(contact[field] ?? '')]));
}

/** One person, one message: false for a contact who is the same person as one before, whatever the spelling or form of the number. */
function newPeople(): (contact: { full_number: string }) => boolean {
  const people = createPersonTable();
  let seen = 0;
  return ({ full_number }) => {
    const phone = toE164(asText(full_number));
    const isNew = phone === undefined || people.place(personKey(phone)) === seen;
    if (isNew && phone !== undefined) seen += 1;
    return isNew;
  };
}

/** The same number with `+` where it is without, and the reverse: existing databases have both. */
export function otherSpelling(number: string): string {
  return number.startsWith('+') ? number.slice(1) : `+${number}`;
}

/** Null (never checked) is not false. */
function isFalse(verified: unknown): boolean {
  return verified === false || verified === 0 || /^(0|f|false|n|no)$/i.test(String(verified));
}

/** The contacts of the campaign's categories, each once, by id, in chunks. */
export async function* contactsOf(db: Kysely<Schema>, campaign: number) {
  for await (const ids of inChunks(contactIds(db, campaign))) {
    yield await db
      .selectFrom('contacts')
      .select(['id', 'whatsapp_verified', ...FIELDS])
      .where('id', 'in', ids)
      .orderBy('id')
      .execute();
  }
}

/**
 * Ids of the contacts of all categories, ascending, each once: the categories' own lists, each read in order by its unique index, merged
 * like a zip. So the next chunk costs the same as the first, whatever the size of the categories.
 */
async function* contactIds(db: Kysely<Schema>, campaign: number): AsyncGenerator<number> {
  const categories = await db
    .selectFrom('campaign_categories')
    .select('category_id')
    .where('campaign_id', '=', campaign)
    .distinct()
    .execute();
  const lists = categories.map(({ category_id }) => idsIn(db, category_id));
  const heads = await Promise.all(lists.map((list) => next(list)));
  for (;;) {
    const least = Math.min(...heads);
    if (least === Number.POSITIVE_INFINITY) return;
    yield least;
    for (const [at, list] of lists.entries()) if (heads[at] === least) heads[at] = await next(list);
  }
}

async function next(list: AsyncGenerator<number>): Promise<number> {
  const { value, done } = await list.next();
  return done ? Number.POSITIVE_INFINITY : value;
}

async function* idsIn(db: Kysely<Schema>, category: number): AsyncGenerator<number> {
  for (let after: number | undefined = BEFORE_ALL; after !== undefined; ) {
    const page: { contact_id: number }[] = await db
      .selectFrom('category_contacts')
      .select('contact_id')
      .where('category_id', '=', category)
      .where('contact_id', '>', after)
      .orderBy('contact_id')
      .limit(CHUNK)
      .execute();
    for (const { contact_id } of page) yield contact_id;
    after = page.at(-1)?.contact_id;
  }
}
