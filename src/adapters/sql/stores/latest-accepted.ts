import { noteText, SENT_SOMETIME } from '../../../core/note.ts';
import type { AcceptedRow } from '../../../ports/campaign-store.ts';
import type { Database } from '../open/sql-database.ts';
import { asText, TAKEN } from '../tables/message-rows.ts';
import { fromStored } from '../tables/stored-time.ts';

/** A look-up asks for as many. */
const ROWS = 3;

/**
 * What the provider accepted last, latest first: of this campaign, or where it has nothing, of any, by id, which costs the same however many rows
 * there are. What counts as sent by the operator's word has a note, and was perhaps never accepted; of what was found at a time that the provider
 * does not tell, its age is unknown.
 */
export async function latestAccepted(database: Database, campaign: number): Promise<AcceptedRow[]> {
  const own = await rowsOf(database, campaign, null);
  if (own.length > 0) return own;
  const undated = await rowsOf(database, campaign, noteText(SENT_SOMETIME));
  return undated.length > 0 ? undated.map((row) => ({ ...row, at: 0 })) : rowsOf(database, null, null);
}

async function rowsOf({ db }: Database, campaign: number | null, note: string | null): Promise<AcceptedRow[]> {
  const rows = await db
    .selectFrom('messages as m')
    .innerJoin('campaigns as k', 'k.id', 'm.campaign_id')
    .innerJoin('contacts as c', 'c.id', 'm.contact_id')
    .select(['m.id', 'm.campaign_id', 'm.content', 'm.sent_at', 'k.created_at', 'c.full_number'])
    .where('m.status', 'in', TAKEN)
    .where('m.whatsapp_message_id', 'is not', null)
    .where('m.error_message', note === null ? 'is' : '=', note)
    .where('m.sent_at', 'is not', null)
    .$if(campaign !== null, (some) => some.where('m.campaign_id', '=', campaign as number).orderBy('m.sent_at', 'desc'))
    .orderBy('m.id', 'desc')
    .limit(ROWS)
    .execute();
  return rows.map((row) => ({
    campaign: Number(row.campaign_id),
    campaignCreatedAt: fromStored(row.created_at),
    message: Number(row.id),
    phone: asText(row.full_number),
    content: asText(row.content),
    at: fromStored(row.sent_at) ?? 0,
  }));
}
