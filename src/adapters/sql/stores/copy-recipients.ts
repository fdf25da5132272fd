import { setImmediate } from 'node:timers/promises';
import { sql } from 'kysely';
import { BEFORE_ALL } from '../../../core/campaign.ts';
import { marksOf } from '../../../core/note.ts';
import { withDatabaseErrors } from '../open/database-errors.ts';
import { ignoreConflicts } from '../open/dialect.ts';
import type { Reading } from '../open/reading.ts';
import { CHUNK } from '../tables/chunks.ts';
import { asText, messageRows, rowsAfter } from '../tables/message-rows.ts';
import { type Copy, copyContacts } from './copy-contacts.ts';
import { contactsOf, FIELDS } from './prepare-rows.ts';

/**
 * Copies a campaign's pending Message 1 rows as if nothing had been tried yet. Where it has no rows at all, the contacts of its categories, so that
 * the rehearsal makes the rows by the rules by which a run makes them.
 */
export async function copyRecipients(copy: Copy): Promise<void> {
  if (await hasRows(copy.source, copy.campaign)) await copyPending(copy);
  else await copyCategories(copy);
}

async function hasRows(source: Reading, campaign: number): Promise<boolean> {
  if (!source.tables.has('messages')) return false;
  return withDatabaseErrors(
    source,
    async () => (await messageRows(source.db, campaign).select('id').limit(1).executeTakeFirst()) !== undefined,
  );
}

/** A row that waits with a note is a plain pending one in a rehearsal, unless it was left out because the contact wants no messages. */
async function copyPending(copy: Copy): Promise<void> {
  const { rehearsal, campaign, now } = copy;
  for await (const page of pendingPages(copy)) {
    const contacts = await copyContacts(copy, page);
    const rows = page.map(({ contact_id, content, error_message }) => ({
      campaign_id: campaign,
      contact_id: contacts.get(contact_id) as number,
      message_type: 'message_1',
      content: asText(content),
      status: 'pending',
      error_message: marksOf(asText(error_message)).skipped ? asText(error_message) : null,
      retry_count: 0,
      created_at: now,
      updated_at: now,
    }));
    await rehearsal.insertInto('messages').values(rows).execute();
  }
}

/** Pending Message 1 rows with their contacts, by id. Between pages timers and signals have their turn. */
async function* pendingPages({ source, campaign }: Copy) {
  for (let after: number | undefined = BEFORE_ALL; after !== undefined; ) {
    const page = await withDatabaseErrors(source, () => pendingPage(source, campaign, after as number));
    if (page.length > 0) yield page;
    await setImmediate();
    after = page.at(-1)?.id;
  }
}

async function pendingPage(source: Reading, campaign: number, after: number) {
  const pending = await rowsAfter(source, { campaign, type: 'message_1' }, { after });
  return source.db
    .selectFrom(pending.limit(CHUNK).select(['id', 'contact_id', 'content', 'error_message']).as('m'))
    .leftJoin('contacts as c', 'c.id', 'm.contact_id')
    .select(['m.id', 'm.contact_id', 'm.content', 'm.error_message', 'c.whatsapp_verified'])
    .select(FIELDS.map((field) => `c.${field}` as const))
    .orderBy('m.id')
    .execute();
}

/** In the sandbox a campaign has one category, of its own number: all that counts is who is in any of them. */
async function copyCategories(copy: Copy): Promise<void> {
  const { source, rehearsal, campaign } = copy;
  if (!CATEGORIES.every((table) => source.tables.has(table))) return;
  await sql`insert into categories (id, name) values (${campaign}, ${`campaign ${campaign}`})`.execute(rehearsal);
  await rehearsal.insertInto('campaign_categories').values({ campaign_id: campaign, category_id: campaign }).execute();
  const pages = contactsOf(source.db, campaign);
  for (;;) {
    const { value: page, done } = await withDatabaseErrors(source, () => pages.next());
    if (done) return;
    const ids = await copyContacts(
      copy,
      page.map((contact) => ({ ...contact, contact_id: contact.id })),
    );
    const members = [...new Set(ids.values())].map((contact_id) => ({ category_id: campaign, contact_id }));
    await ignoreConflicts('sqlite', rehearsal.insertInto('category_contacts').values(members), 'contact_id').execute();
  }
}

const CATEGORIES = ['contacts', 'campaign_categories', 'category_contacts'];
