import { sql } from 'kysely';
import { REPLY_WINDOW } from '../../../core/campaign.ts';
import { readNote } from '../../../core/note.ts';
import type { RecipientReports } from '../../../ports/database.ts';
import { withDatabaseErrors } from '../open/database-errors.ts';
import type { Database } from '../open/sql-database.ts';
import { chunks } from '../tables/chunks.ts';
import { messageRows, TAKEN } from '../tables/message-rows.ts';
import { fromStored } from '../tables/stored-time.ts';

/** What became of each recipient of a campaign, page by page. */
export function recipientReports(database: Database): RecipientReports {
  return {
    page: (campaign, after, limit, now) =>
      withDatabaseErrors(database, async () => {
        const rows = await recipientRows(database, campaign, after, limit);
        const contacts = rows.map(({ contact_id }) => Number(contact_id));
        const replied = await firstOf(database, { campaign, contacts, type: 'reply' });
        const reacted = await firstOf(database, { campaign, contacts, type: 'reaction' });
        const second = await message2Statuses(database, campaign, contacts);
        return rows.map((row) => {
          const contact = Number(row.contact_id);
          const sentAt = fromStored(row.sent_at);
          const repliedAt = replied.get(contact) ?? null;
          const isSilent = TAKEN.includes(row.status) && sentAt !== null && now >= sentAt + REPLY_WINDOW;
          return {
            message: Number(row.id),
            phone: row.full_number ?? '',
            firstName: row.first_name,
            lastName: row.last_name,
            ...standing(row.status, row.error_message),
            attempts: Number(row.retry_count ?? 0),
            sentAt,
            deliveredAt: fromStored(row.delivered_at),
            readAt: fromStored(row.read_at),
            reply: repliedAt !== null ? 'replied' : isSilent ? 'no_interaction' : null,
            repliedAt,
            reactedAt: reacted.get(contact) ?? null,
            message2: second.get(contact) ?? null,
          };
        });
      }),
  };
}

function recipientRows({ db }: Database, campaign: number, after: number, limit: number) {
  const page = messageRows(db, campaign)
    .select(['id', 'contact_id', 'status', 'error_message', 'retry_count', 'sent_at', 'delivered_at', 'read_at'])
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .as('m');
  return db
    .selectFrom(page)
    .leftJoin('contacts as c', 'c.id', 'm.contact_id')
    .selectAll('m')
    .select(['c.full_number', 'c.first_name', 'c.last_name'])
    .orderBy('m.id')
    .execute();
}

/** When each of these contacts first did something of one type in the campaign. */
async function firstOf(
  { db }: Database,
  { campaign, contacts, type }: { campaign: number; contacts: number[]; type: 'reply' | 'reaction' },
): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  for (const some of chunks(contacts)) {
    const rows = await db
      .selectFrom('interactions')
      .select(['contact_id', sql<unknown>`min(received_at)`.as('at')])
      .where('campaign_id', '=', campaign)
      .where('interaction_type', '=', type)
      .where('contact_id', 'in', some)
      .groupBy('contact_id')
      .execute();
    for (const { contact_id, at } of rows) found.set(Number(contact_id), fromStored(at) ?? 0);
  }
  return found;
}

async function message2Statuses({ db }: Database, campaign: number, contacts: number[]): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for (const some of chunks(contacts)) {
    const rows = await messageRows(db, campaign, 'message_2')
      .select(['contact_id', 'status', 'error_message'])
      .where('contact_id', 'in', some)
      .orderBy('id')
      .execute();
    for (const { contact_id, status, error_message } of rows) found.set(Number(contact_id), standing(status, error_message).status);
  }
  return found;
}

/** A pending row may carry a note of ours, which says more than its status. */
function standing(status: string, error: string | null): { status: string; reason: string | null } {
  const note = readNote(error);
  if (note === null) return { status, reason: error || null };
  return { status: status === 'pending' && note.kind !== 'other' ? note.kind : status, reason: note.note };
}
