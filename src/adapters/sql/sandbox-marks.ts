import { UsageError, type UserError } from '../../errors.ts';
import type { SandboxMarks } from '../../ports.ts';
import type { Database } from './database.ts';
import { asking, describeDatabaseError, isDuplicate } from './database-errors.ts';
import { columnsByTable } from './inspect.ts';
import { createSandboxTable } from './schema.ts';

/** Which campaigns are rehearsals, in a table of wsend's own that is made with the first of them. Where it is missing, none is. */
export function sandboxMarks(database: Database): SandboxMarks {
  const { db, dialect } = database;
  return {
    has: (campaign) =>
      asking(database, async () => {
        if (!(await columnsByTable(db, dialect)).has('wsend_sandbox_campaigns')) return false;
        const found = db.selectFrom('wsend_sandbox_campaigns').select('campaign_id').where('campaign_id', '=', campaign);
        return (await found.executeTakeFirst()) !== undefined;
      }),

    async set(campaign) {
      try {
        await createSandboxTable(database);
        await markSandbox(db, campaign, database.stamp());
      } catch (error) {
        if (!isDuplicate(error)) throw cannotMark(error, database) ?? error;
      }
    },
  };
}

/** Marks a campaign; the table is there. */
export async function markSandbox(db: Database['db'], campaign: number, now: string): Promise<void> {
  await db.insertInto('wsend_sandbox_campaigns').values({ campaign_id: campaign, created_at: now }).execute();
}

/** The error of one who may not create or write the table, as a person can act on it; any other as it is described elsewhere. */
export function cannotMark(error: unknown, { name }: Pick<Database, 'name'>): UserError | undefined {
  const described = error instanceof UsageError ? error : describeDatabaseError(error, name, 'opening');
  if (!(described instanceof UsageError)) return described;
  return new UsageError(
    `--sandbox notes in the table wsend_sandbox_campaigns which campaigns are rehearsals, and cannot: ${described.message}`,
    'Let this user create tables once, or create it: wsend_sandbox_campaigns (campaign_id bigint primary key, created_at timestamp).',
    error,
  );
}
