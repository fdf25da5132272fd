import { readNote } from '../../../core/note.ts';
import type { Ledger, LedgerRow } from '../../../ports/database.ts';
import { withDatabaseErrors } from '../open/database-errors.ts';
import type { Database } from '../open/sql-database.ts';
import { TAKEN } from '../tables/message-rows.ts';
import { hasOwnTables } from '../tables/own-tables.ts';

/** Message 1 and Message 2 of a campaign, page by page, to be compared with what the provider holds. */
export function ledger(database: Database): Ledger {
  return {
    page: (campaign, after, limit) =>
      withDatabaseErrors(database, async () => {
        const hasMessage2 = await hasOwnTables(database);
        const page = database.db
          .selectFrom('messages')
          .where('campaign_id', '=', campaign)
          .where((eb) => {
            const first = eb('message_type', '=', 'message_1');
            // A Message 2 that another program made is not one of ours: it has no line.
            const lines = eb.selectFrom('wsend_message_2_lines').select('message_id');
            return hasMessage2 ? first.or(eb('message_type', '=', 'message_2').and('id', 'in', lines)) : first;
          })
          .select(['id', 'contact_id', 'content', 'status', 'whatsapp_message_id', 'error_message'])
          .where('id', '>', after)
          .orderBy('id')
          .limit(limit)
          .as('m');
        const rows = await database.db
          .selectFrom(page)
          .leftJoin('contacts as c', 'c.id', 'm.contact_id')
          .select(['m.id', 'm.content', 'm.status', 'm.whatsapp_message_id', 'm.error_message', 'c.full_number'])
          .orderBy('m.id')
          .execute();
        return rows.map((row) => ({
          message: Number(row.id),
          phone: row.full_number ?? '',
          content: row.content ?? '',
          status: statusOf(row.status),
          providerId: row.whatsapp_message_id || null,
          assumed: TAKEN.includes(row.status) && readNote(row.error_message) !== null,
        }));
      }),
  };
}

function statusOf(status: string): LedgerRow['status'] {
  if (TAKEN.includes(status)) return 'sent';
  return status === 'pending' || status === 'failed' ? status : 'other';
}
