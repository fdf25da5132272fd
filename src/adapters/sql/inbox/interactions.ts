import { sql } from 'kysely';
import type { EpochMs } from '../../../core/units.ts';
import { toStored } from '../tables/stored-time.ts';
import { keptTimes } from '../tables/tables.ts';
import { LONGEST_ID } from '../tables/widths.ts';
import type { Working } from './working.ts';

/** Something a contact did. `id` is the name that WhatsApp gave to it. */
export interface Interaction {
  type: 'reply' | 'reaction';
  id: string;
  text: string;
  at: EpochMs;
}

/** The longest text of a contact that is kept, as long as the longest that is read. */
const LONGEST_TEXT = 16_000;

/** Adds an interaction to a campaign that is locked, and to its count; false when it is there already. */
export async function addInteraction(
  { transaction, dialect, columns, rooms, now, text }: Working,
  { campaign, contact, message }: { campaign: number; contact: number; message: number },
  { type, id, text: words, at }: Interaction,
): Promise<boolean> {
  const row = {
    campaign_id: campaign,
    contact_id: contact,
    message_id: message,
    interaction_type: type,
    content: text(words, rooms('interactions', 'content'), LONGEST_TEXT),
    whatsapp_message_id: text(id, rooms('interactions', 'whatsapp_message_id'), LONGEST_ID),
    received_at: toStored(at, dialect),
  };
  const same = transaction
    .selectFrom('interactions')
    .select('message_id')
    .where('campaign_id', '=', campaign)
    .where('contact_id', '=', contact)
    .where('interaction_type', '=', type)
    .where('whatsapp_message_id', '=', row.whatsapp_message_id);
  // A contact may change the emoji, and then it is another one under the same id.
  const there = await (type === 'reply' ? same : same.where('content', '=', row.content)).limit(1).executeTakeFirst();
  if (there !== undefined) return false;
  await transaction.insertInto('interactions').values(row).execute();
  const count = columns.interactionCount ? { interaction_count: sql<number>`coalesce(interaction_count, 0) + 1` } : {};
  await transaction
    .updateTable('campaigns')
    .set({ ...keptTimes(dialect, 'created_at'), ...count, updated_at: now })
    .where('id', '=', campaign)
    .execute();
  return true;
}
