import type { MessageType } from '../../core/campaign.ts';
import { UsageError } from '../../errors.ts';
import type { LastRuns } from '../../ports.ts';
import type { Database } from './database.ts';
import { asking, describeDatabaseError, isDuplicate } from './database-errors.ts';
import { columnsByTable } from './inspect.ts';
import { createLastRunTable } from './schema.ts';

/**
 * Which run was the last to take a campaign's Message 1 (or 2) up, in a table of wsend's own that is made with the first of them. Those of
 * Message 2 are kept under the negative number.
 */
export function lastRuns(database: Database, type: MessageType = 'message_1'): LastRuns {
  const { db, dialect } = database;
  const number = (campaign: number) => (type === 'message_1' ? campaign : -campaign);
  return {
    of: (campaign) =>
      asking(database, async () => {
        if (!(await columnsByTable(db, dialect)).has('wsend_last_runs')) return null;
        const row = await db.selectFrom('wsend_last_runs').select('token').where('campaign_id', '=', number(campaign)).executeTakeFirst();
        return row?.token ?? null;
      }),

    async note(campaign, token) {
      const run = { token, begun_at: database.stamp() };
      const replace = async () =>
        (await db.updateTable('wsend_last_runs').set(run).where('campaign_id', '=', number(campaign)).executeTakeFirst()).numUpdatedRows >
        0n;
      try {
        await createLastRunTable(database);
        if (await replace()) return;
        await db
          .insertInto('wsend_last_runs')
          .values({ campaign_id: number(campaign), ...run })
          .execute();
      } catch (error) {
        // Another run of the campaign, which only a lost lock can explain: the later one counts.
        if (isDuplicate(error) && (await replace())) return;
        throw cannotNote(error, database) ?? error;
      }
    },
  };
}

/** The error of one who may not create or write the table, as a person can act on it; any other as it is described elsewhere. */
function cannotNote(error: unknown, { name }: Database) {
  const described = error instanceof UsageError ? error : describeDatabaseError(error, name, 'opening');
  if (!(described instanceof UsageError)) return described;
  return new UsageError(
    `the run cannot be noted in the table wsend_last_runs: ${described.message}`,
    'Let this user create tables once, or create it: wsend_last_runs (campaign_id bigint primary key, token varchar(100), begun_at timestamp).',
    error,
  );
}
