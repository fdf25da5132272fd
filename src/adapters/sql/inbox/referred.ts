import { type Kysely, sql } from 'kysely';
import { toE164 } from '../../../core/phone.ts';
import { readReference, referenceOf } from '../../../core/reference.ts';
import type { SqlDialect } from '../open/dialect.ts';
import type { NamedMessage } from '../stores/provider-ids.ts';
import { asText } from '../tables/message-rows.ts';
import { fromStored } from '../tables/stored-time.ts';
import type { Schema } from '../tables/table-types.ts';

/**
 * The messages behind these references, as far as they are what their rows make them for the next attempt: what another database or another text
 * made, or what the row was before a retry, names none.
 */
export async function messagesReferred(db: Kysely<Schema>, dialect: SqlDialect, references: string[]): Promise<Map<string, NamedMessage>> {
  const ids = [...new Set(references.flatMap((reference) => readReference(reference)?.message ?? []))];
  if (ids.length === 0) return new Map();
  // What somebody else wrote may be beyond what the column holds, which PostgreSQL would refuse.
  const wanted = dialect === 'postgres' ? ids.map((id) => sql<number>`cast(${id} as bigint)`) : ids;
  const rows = await db
    .selectFrom('messages as m')
    .innerJoin('campaigns as k', 'k.id', 'm.campaign_id')
    .innerJoin('contacts as c', 'c.id', 'm.contact_id')
    .select(['m.id', 'm.campaign_id', 'm.content', 'm.whatsapp_message_id', 'k.created_at', 'c.full_number'])
    .where('m.id', 'in', wanted)
    .execute();
  const found = new Map<string, NamedMessage>();
  for (const row of rows) {
    const stored = asText(row.full_number);
    const reference = referenceOf({
      campaign: Number(row.campaign_id),
      campaignCreatedAt: fromStored(row.created_at),
      message: Number(row.id),
      phone: toE164(stored) ?? stored,
      content: asText(row.content),
      acceptedBefore: asText(row.whatsapp_message_id) || null,
    });
    if (references.includes(reference)) found.set(reference, { message: Number(row.id), current: true });
  }
  return found;
}
