import type { Kysely } from 'kysely';
import { withDatabaseErrors } from '../open/database-errors.ts';
import { ignoreConflicts } from '../open/dialect.ts';
import type { Reading } from '../open/reading.ts';
import { asText } from '../tables/message-rows.ts';
import type { Schema } from '../tables/table-types.ts';
import type { FIELDS } from './prepare-rows.ts';

/** A contact as the operator's database has it; all null but its id where it is gone. */
type Contact = { contact_id: number; whatsapp_verified: boolean | number | null } & Record<(typeof FIELDS)[number], string | null>;

/** A campaign on its way into the sandbox, inside a transaction of each database. */
export interface Copy {
  source: Reading;
  rehearsal: Kysely<Schema>;
  campaign: number;
  /** As SQLite stores times. */
  now: string;
}

/**
 * Writes these contacts (at most a chunk) into the sandbox's database as they are in the operator's, with their Message 2 of this campaign where
 * it came from a file. Returns their ids there, by their ids in the operator's.
 */
export async function copyContacts(copy: Copy, contacts: Contact[]): Promise<Map<number, number>> {
  const { source, rehearsal, now } = copy;
  const numbers = new Map(contacts.map((contact) => [contact.contact_id, numberOf(contact)]));
  const byNumber = new Map(contacts.map((contact) => [numberOf(contact), contact]));
  const rows = [...byNumber].map(([full_number, { phone_number, country_code, first_name, last_name, whatsapp_verified }]) => ({
    ...{ full_number, phone_number, country_code, first_name, last_name, whatsapp_verified },
    ...{ created_at: now, updated_at: now },
  }));
  const written = await rehearsal
    .insertInto('contacts')
    .values(rows)
    .onConflict((on) =>
      on.column('full_number').doUpdateSet(({ ref }) => ({
        phone_number: ref('excluded.phone_number'),
        country_code: ref('excluded.country_code'),
        first_name: ref('excluded.first_name'),
        last_name: ref('excluded.last_name'),
        whatsapp_verified: ref('excluded.whatsapp_verified'),
        updated_at: ref('excluded.updated_at'),
      })),
    )
    .returning(['id', 'full_number'])
    .execute();
  const ids = new Map(written.map(({ id, full_number }) => [full_number, id]));
  const copied = new Map([...numbers].map(([contact, number]) => [contact, ids.get(number) as number]));
  if (source.tables.has('wsend_message_2')) await copyTexts(copy, copied);
  return copied;
}

async function copyTexts({ source, rehearsal, campaign }: Copy, copied: Map<number, number>): Promise<void> {
  const texts = await withDatabaseErrors(source, () =>
    source.db
      .selectFrom('wsend_message_2')
      .select(['contact_id', 'content'])
      .where('campaign_id', '=', campaign)
      .where('contact_id', 'in', [...copied.keys()])
      .execute(),
  );
  const rows = texts.map(({ contact_id, content }) => ({ campaign_id: campaign, contact_id: copied.get(contact_id) as number, content }));
  if (rows.length > 0) await ignoreConflicts('sqlite', rehearsal.insertInto('wsend_message_2').values(rows), 'content').execute();
}

/** One that is gone or has no number gets what is no number either, so that the rehearsal says so of each of them. */
function numberOf({ contact_id, full_number }: Contact): string {
  return asText(full_number) || `?${contact_id}`;
}
