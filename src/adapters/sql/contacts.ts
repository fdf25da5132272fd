import type { Kysely } from 'kysely';
import type { PlannedRecipient } from '../../ports.ts';
import type { SqlDialect } from './database.ts';
import { unlessThere } from './dialect.ts';
import { storedText } from './stored-text.ts';
import type { Schema } from './table-types.ts';
import { LONGEST_NAME } from './widths.ts';

/**
 * The ids of these people's contacts, in their order. One with the same number (with or without `+`) is taken as it is; the others are
 * created, with `+`. Call it inside a transaction, for at most a chunk of people.
 */
export async function contactIdsFor(db: Kysely<Schema>, dialect: SqlDialect, people: PlannedRecipient[], now: string): Promise<number[]> {
  const known = await idsByPhone(
    db,
    people.map(({ phone }) => phone),
  );
  const missing = new Map(people.filter(({ phone }) => !known.has(phone)).map((person) => [person.phone, person]));
  if (missing.size > 0) {
    await insertContacts(db, dialect, [...missing.values()], now);
    for (const [phone, id] of await idsByPhone(db, [...missing.keys()])) known.set(phone, id);
  }
  return people.map(({ phone }) => {
    const id = known.get(phone);
    if (id === undefined) throw new Error('a contact that was just written cannot be found');
    return id;
  });
}

/** Ids by E.164 number. Where a number is there both with and without `+`, the one with it. */
async function idsByPhone(db: Kysely<Schema>, phones: string[]): Promise<Map<string, number>> {
  const spellings = phones.flatMap((phone) => [phone, phone.slice(1)]);
  const rows = await db.selectFrom('contacts').select(['id', 'full_number']).where('full_number', 'in', spellings).execute();
  const ids = new Map<string, number>();
  for (const { id, full_number } of rows.sort((a, b) => a.full_number.length - b.full_number.length)) {
    ids.set(full_number.startsWith('+') ? full_number : `+${full_number}`, Number(id));
  }
  return ids;
}

/** A contact that another program creates at the same moment is left to it. */
async function insertContacts(db: Kysely<Schema>, dialect: SqlDialect, people: PlannedRecipient[], now: string): Promise<void> {
  const rows = people.map(({ phone, countryCode, firstName, lastName }) => ({
    full_number: phone,
    phone_number: nationalPart(phone, countryCode),
    country_code: countryCode ?? '',
    first_name: firstName === null ? null : storedText(firstName, LONGEST_NAME),
    last_name: lastName === null ? null : storedText(lastName, LONGEST_NAME),
    whatsapp_verified: null,
    created_at: now,
    updated_at: now,
  }));
  await unlessThere(dialect, db.insertInto('contacts').values(rows), 'full_number').execute();
}

function nationalPart(phone: string, countryCode: string | null): string {
  const prefix = `+${countryCode?.replace(/\D/g, '')}`;
  return prefix.length > 1 && phone.startsWith(prefix) ? phone.slice(prefix.length) : phone.slice(1);
}
