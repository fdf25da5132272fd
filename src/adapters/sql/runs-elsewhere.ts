import { CompiledQuery, type Kysely, sql } from 'kysely';
import type { RunsElsewhere } from '../../ports.ts';
import type { Database } from './database.ts';
import { asking } from './database-errors.ts';
import { lockedCampaign } from './database-lock.ts';
import type { Schema } from './table-types.ts';
import { inTransaction } from './transaction.ts';

/**
 * What the locks that session-lock.ts takes show to others. A request to pause is a lock, too: the run sees it with its next sign of life, and
 * nothing is left of it when whoever asks ends, or is killed.
 */
export async function runsElsewhere(database: Database): Promise<RunsElsewhere> {
  const { dialect, address, deadlines, db } = database;
  if (dialect === 'sqlite' || address === null) return { holderOf: async () => null, askingToPause: (_campaign, work) => work() };
  const ask = async (text: string, values: unknown[], on: Kysely<Schema> = db) =>
    (await on.executeQuery<Record<string, unknown>>(CompiledQuery.raw(text, values))).rows[0];

  if (dialect === 'postgres') {
    const { HOLDER, TIMEOUTS, campaignKey, pauseKey } = await import('./postgres-session.ts');
    return {
      holderOf: (campaign, type) =>
        asking(database, async () => {
          const holder = await ask(HOLDER, [campaignKey(lockedCampaign(campaign, type)), '0']);
          return holder === undefined ? null : named(holder.application_name);
        }),
      askingToPause: (campaign, work) =>
        inTransaction(database, async (transaction) => {
          await ask(`select set_config(name, '0', true) from pg_settings where name in ${TIMEOUTS}`, [], transaction);
          await ask('select pg_try_advisory_xact_lock_shared($1)', [pauseKey(String(campaign))], transaction);
          return work();
        }),
    };
  }
  const [{ HOLDER, campaignName, pauseName }, { mysqlConfig }] = await Promise.all([import('./mysql-session.ts'), import('./mysql.ts')]);
  const { database: schema } = mysqlConfig(address, deadlines);
  return {
    holderOf: (campaign, type) =>
      asking(database, async () => {
        const name = campaignName(schema, lockedCampaign(campaign, type));
        // Whoever may not see the connections of others sees the lock.
        const held = (await ask('select is_used_lock(?) as id', [name]))?.id ?? null;
        return held === null ? null : named((await ask(HOLDER, [name]))?.who);
      }),
    askingToPause: (campaign, work) =>
      db.connection().execute(async (connection) => {
        const name = pauseName(schema, String(campaign));
        // Not ours when somebody else asks already, which is as good.
        await sql`do get_lock(${name}, 0)`.execute(connection);
        try {
          return await work();
        } finally {
          await sql`do release_lock(${name})`.execute(connection).catch(() => undefined);
        }
      }),
  };
}

/** Some servers show no names of other connections to everybody. */
function named(who: unknown): string {
  return typeof who === 'string' && who !== '' ? who : 'a connection without a name';
}
