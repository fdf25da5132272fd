import { sql } from 'kysely';
import { BEFORE_ALL } from '../../../core/campaign.ts';
import { LOOK_UP_FIRST, noteText, UNCONFIRMED } from '../../../core/note.ts';
import type { Database } from '../open/sql-database.ts';
import { inRepeatableTransaction } from '../open/transaction.ts';
import { hasStatus, messageRows } from '../tables/message-rows.ts';
import { keptTimes } from '../tables/tables.ts';
import { lockCampaign, writeStatus } from './counters.ts';

/** Rows that one statement makes pending again: few enough to answer well within the time a statement has. */
const ROWS = 5_000;

/**
 * Makes a campaign's failed Message 1 rows pending again, without attempts and error text, and the campaign `sending`, so that `resume --all`
 * finds it whatever comes next; returns which, by id. Those of `except` stay as they are. All of it, or nothing. One
 * whose attempts were unconfirmed keeps a note of ours instead, so that it is looked up first and never sent blindly.
 */
export function retryFailed(database: Database, campaign: number, except: ReadonlySet<number> = new Set()): Promise<number[]> {
  return inRepeatableTransaction(database, async (transaction) => {
    await lockCampaign(transaction, database.dialect, campaign);
    const now = database.stamp();
    const note = noteText(LOOK_UP_FIRST);
    const retried: number[] = [];
    for (let after = BEFORE_ALL; ; ) {
      const failed = await messageRows(transaction, campaign)
        .select('id')
        .where(hasStatus(database.dialect, 'failed'))
        .where('id', '>', after)
        .orderBy('id')
        .limit(ROWS)
        .execute();
      const last = failed.at(-1)?.id;
      if (last === undefined) break;
      const kept = failed.flatMap(({ id }) => (except.has(Number(id)) ? [Number(id)] : []));
      await transaction
        .updateTable('messages')
        .set({
          ...keptTimes(database.dialect, 'created_at', 'sent_at'),
          status: 'pending',
          retry_count: 0,
          error_message: sql<string | null>`case when error_message like ${`${UNCONFIRMED}%`} then ${note} else null end`,
          updated_at: now,
        })
        .where('campaign_id', '=', campaign)
        .where('message_type', '=', 'message_1')
        .where(hasStatus(database.dialect, 'failed'))
        .where('id', '>', after)
        .where('id', '<=', last)
        .where((eb) => (kept.length === 0 ? eb.lit(true) : eb('id', 'not in', kept)))
        .execute();
      for (const { id } of failed) if (!except.has(Number(id))) retried.push(Number(id));
      after = last;
    }
    if (retried.length > 0) await writeStatus(transaction, database.dialect, { id: campaign, status: 'sending', now });
    return retried;
  });
}
