import type { Kysely } from 'kysely';
import { BEFORE_ALL } from '../../../core/campaign.ts';
import { formsOf, type PersonKey, personKey } from '../../../core/person.ts';
import { createPersonTable } from '../../../core/person-table.ts';
import { toE164 } from '../../../core/phone.ts';
import type { PlannedRecipient } from '../../../ports/campaign-store.ts';
import type { SqlDialect } from '../open/dialect.ts';
import { ignoreConflicts, isSpelledOut } from '../open/dialect.ts';
import { fitted, type Rooms } from '../open/room.ts';
import { chunks } from '../tables/chunks.ts';
import { asText } from '../tables/message-rows.ts';
import type { Schema } from '../tables/table-types.ts';
import { LONGEST_NAME } from '../tables/widths.ts';

/** Finds the contact of a person whose number is stored as no index finds it. */
export type SpelledOut = (person: PersonKey) => number | undefined;

/** Reads, once and a page at a time, the contacts whose numbers are stored with spaces, dashes or the like; of several of one person, the first. */
export async function spelledOutContacts(db: Kysely<Schema>, dialect: SqlDialect): Promise<SpelledOut> {
  const people = createPersonTable();
  const ids: number[] = [];
  for (let after: number | undefined = BEFORE_ALL; after !== undefined; ) {
    const page: { id: number; full_number: string }[] = await db
      .selectFrom('contacts')
      .select(['id', 'full_number'])
      .where(isSpelledOut(dialect, 'full_number'))
      .where('id', '>', after)
      .orderBy('id')
      .limit(PAGE)
      .execute();
    for (const { id, full_number } of page) {
      const phone = toE164(asText(full_number));
      if (phone !== undefined && people.place(personKey(phone)) === ids.length) ids.push(Number(id));
    }
    after = page.length < PAGE ? undefined : page.at(-1)?.id;
  }
  return (person) => {
    const at = people.find(person);
    return at === undefined ? undefined : ids[at];
  };
}

const PAGE = 5_000;

/**
 * The ids of these people's contacts, in their order. One that is there is taken as it is, in whatever form or spelling the person's number is stored;
 * the others are created, with `+`. Call it inside a transaction, for at most a chunk of people.
 */
export async function contactIdsFor(
  db: Kysely<Schema>,
  dialect: SqlDialect,
  { people, spelledOut, rooms, now }: { people: PlannedRecipient[]; spelledOut: SpelledOut; rooms: Rooms; now: string },
): Promise<number[]> {
  const phones = people.map(({ phone }) => phone);
  const known = await idsByPhone(db, phones);
  for (const phone of phones) {
    const id = known.get(phone) ?? spelledOut(personKey(phone));
    if (id !== undefined) known.set(phone, id);
  }
  const missing = new Map(people.filter(({ phone }) => !known.has(phone)).map((person) => [person.phone, person]));
  if (missing.size > 0) {
    await insertContacts(db, dialect, { people: [...missing.values()], rooms, now });
    for (const [phone, id] of await idsByPhone(db, [...missing.keys()])) known.set(phone, id);
  }
  return phones.map((phone) => {
    const id = known.get(phone);
    if (id === undefined) throw new Error('a contact that was just written cannot be found');
    return id;
  });
}

/** Ids by E.164 number, of those who have a contact with or without `+`: in this form, or else in the other. */
async function idsByPhone(db: Kysely<Schema>, phones: string[]): Promise<Map<string, number>> {
  const spellings = new Map(phones.map((phone) => [phone, formsOf(phone).flatMap((form) => [form, form.slice(1)])]));
  const stored = new Map<string, number>();
  for (const some of chunks([...new Set([...spellings.values()].flat())])) {
    const rows = await db.selectFrom('contacts').select(['id', 'full_number']).where('full_number', 'in', some).execute();
    for (const { id, full_number } of rows) stored.set(asText(full_number), Number(id));
  }
  const ids = new Map<string, number>();
  for (const [phone, all] of spellings) {
    const first = all.find((spelling) => stored.has(spelling));
    if (first !== undefined) ids.set(phone, stored.get(first) as number);
  }
  return ids;
}

/** A contact that another program creates at the same moment is left to it. */
async function insertContacts(
  db: Kysely<Schema>,
  dialect: SqlDialect,
  { people, rooms, now }: { people: PlannedRecipient[]; rooms: Rooms; now: string },
): Promise<void> {
  const name = (column: 'first_name' | 'last_name', text: string | null) =>
    text === null ? null : fitted(text, rooms('contacts', column), LONGEST_NAME);
  const rows = people.map(({ phone, countryCode, firstName, lastName }) => ({
    full_number: phone,
    phone_number: nationalPart(phone, countryCode),
    country_code: countryCode ?? '',
    first_name: name('first_name', firstName),
    last_name: name('last_name', lastName),
    whatsapp_verified: null,
    created_at: now,
    updated_at: now,
  }));
  await ignoreConflicts(dialect, db.insertInto('contacts').values(rows), 'full_number').execute();
}

function nationalPart(phone: string, countryCode: string | null): string {
  const prefix = `+${countryCode?.replace(/\D/g, '')}`;
  return prefix.length > 1 && phone.startsWith(prefix) ? phone.slice(prefix.length) : phone.slice(1);
}
