import type { Kysely } from 'kysely';
import type { Alias } from '../../../core/incoming.ts';
import { formsOf, personKey } from '../../../core/person.ts';
import { type Phone, toE164 } from '../../../core/phone.ts';
import type { EpochMs } from '../../../core/units.ts';
import type { SqlDialect } from '../open/dialect.ts';
import { ignoreConflicts } from '../open/dialect.ts';
import { chunks } from '../tables/chunks.ts';
import { toStored } from '../tables/stored-time.ts';
import type { Schema } from '../tables/table-types.ts';
import { LONGEST_ID } from '../tables/widths.ts';
import { areOut, lockOptOuts, setOptOuts } from './opt-outs.ts';

/**
 * Who is meant by a name. `wsend_aliases` holds what finds a contact and does not stand in `contacts`: ids that are no number (`77@lid`), numbers
 * that the provider calls them by, and the key of a number that is stored in a spelling of its own. So it is empty for most databases.
 */
export interface AliasContext {
  transaction: Kysely<Schema>;
  dialect: SqlDialect;
  at: EpochMs;
}

/** A name of a contact. */
export interface Link {
  name: Alias;
  contact: number;
}

/** The names behind a person as the provider gives them: the key of the number, and the aliases. */
export function namesOf({ phone, aliases = [] }: { phone: Phone | null; aliases?: Alias[] }): Alias[] {
  return [...new Set([...(phone === null ? [] : [personKey(phone)]), ...aliases])].filter((name) => name.length <= LONGEST_ID);
}

/** The spellings under which a contact is found without an alias: all true forms, with `+`, with 00, and without either. */
export function spellingsOf(phone: Phone): string[] {
  return formsOf(phone).flatMap((form) => [form, form.slice(1), `00${form.slice(1)}`]);
}

/** The contacts that bear one of these names, by id. */
export async function contactsNamed(db: Kysely<Schema>, names: Alias[]): Promise<number[]> {
  if (names.length === 0) return [];
  const spellings = names.filter((name) => name.startsWith('+')).flatMap(spellingsOf);
  const byNumber =
    spellings.length === 0 ? [] : await db.selectFrom('contacts').select('id').where('full_number', 'in', spellings).execute();
  const byAlias = await db.selectFrom('wsend_aliases').select('contact_id as id').where('name', 'in', names).execute();
  return [...new Set([...byNumber, ...byAlias].map(({ id }) => Number(id)))].sort((a, b) => a - b);
}

/** A number in a spelling under which it is found: there may be a million of them, and nothing is to be known of most. */
const PLAIN = /^(\+|00)?[1-9]\d{6,14}$/;

/** The links that say something new of a contact with this number: a name under which nothing of `contacts` finds them. */
export function linksOf(contact: number, storedNumber: string, names: Alias[]): Link[] {
  if (names.length === 0 && PLAIN.test(storedNumber)) return [];
  const phone = toE164(storedNumber);
  const key = phone === undefined ? undefined : personKey(phone);
  const odd = phone !== undefined && !spellingsOf(phone).includes(storedNumber) ? [personKey(phone)] : [];
  return [...odd, ...names.filter((name) => name !== key)].map((name) => ({ name, contact }));
}

/**
 * Keeps these links, in the transaction of what taught them. Whatever was left undone for want of them is done: a name on the list of those who
 * want no messages puts the contact's number there, and replies that fitted no contact are worked off again.
 */
export async function link(context: AliasContext, links: Link[]): Promise<void> {
  const { transaction, dialect, at } = context;
  for (const some of chunks(links)) {
    const names = [...new Set(some.map(({ name }) => name))];
    const known = await transaction.selectFrom('wsend_aliases').select(['name', 'contact_id']).where('name', 'in', names).execute();
    const isKnown = new Set(known.map(({ name, contact_id }) => `${contact_id} ${name}`));
    const fresh = some.filter(({ name, contact }) => !isKnown.has(`${contact} ${name}`));
    if (fresh.length === 0) continue;
    const rows = fresh.map(({ name, contact }) => ({ name, contact_id: contact }));
    await ignoreConflicts(dialect, transaction.insertInto('wsend_aliases').values(rows), 'contact_id').execute();
    await stopThoseOnTheList(context, fresh);
    const strangers = await transaction.selectFrom('wsend_strangers').select('inbox_id').where('name', 'in', names).execute();
    if (strangers.length === 0) continue;
    const ids = strangers.map(({ inbox_id }) => Number(inbox_id));
    const again = { done_at: null, result: null, due_at: toStored(at, dialect), tries: 0 };
    await transaction.updateTable('wsend_inbox').set(again).where('id', 'in', ids).execute();
    await transaction.deleteFrom('wsend_strangers').where('inbox_id', 'in', ids).execute();
  }
}

/** The same for names that were learned on the way: one that a contact bears already stays theirs. */
export async function linkUnclaimed(context: AliasContext, links: Link[]): Promise<void> {
  const { transaction } = context;
  const fresh: Link[] = [];
  for (const some of chunks(links)) {
    const names = some.map(({ name }) => name);
    const rows = await transaction.selectFrom('wsend_aliases').select('name').where('name', 'in', names).execute();
    const claimed = new Set(rows.map(({ name }) => name));
    for (const one of some.filter(({ name }) => !claimed.has(name)))
      if ((await contactsNamed(transaction, [one.name])).length === 0) fresh.push(one);
  }
  await link(context, fresh);
}

/** What was put on the list under a name alone, because its owner was not known. */
async function stopThoseOnTheList({ transaction, dialect, at }: AliasContext, links: Link[]): Promise<void> {
  const out = await areOut(
    transaction,
    links.map(({ name }) => name),
  );
  const contacts = links.filter(({ name }) => out.has(name)).map(({ contact }) => contact);
  if (contacts.length === 0) return;
  const rows = await transaction.selectFrom('contacts').select('full_number').where('id', 'in', contacts).execute();
  const phones = rows.map(({ full_number }) => toE164(full_number)).filter((phone) => phone !== undefined);
  await lockOptOuts(transaction, dialect);
  await setOptOuts(transaction, { phones, out: true, source: 'reply, under a name that was not known', now: toStored(at, dialect) });
}
