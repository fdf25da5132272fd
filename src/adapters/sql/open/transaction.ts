import { type Kysely, sql } from 'kysely';
import type { Schema } from '../tables/table-types.ts';
import { isDeadlock } from './database-errors.ts';
import type { Database } from './sql-database.ts';

/**
 * Runs `work` in one transaction: all of it stays, or nothing. The error that ended it is the one thrown, whatever becomes of the
 * rollback: a connection that is gone has rolled back already.
 */
export function inTransaction<T>(
  { db, dialect }: Pick<Database, 'db' | 'dialect'>,
  work: (transaction: Kysely<Schema>) => Promise<T>,
): Promise<T> {
  return db.connection().execute(async (transaction) => {
    await (dialect === 'postgres' ? BEGIN_DURABLY : sql`begin`).execute(transaction);
    try {
      const result = await work(transaction);
      await sql`commit`.execute(transaction);
      return result;
    } catch (error) {
      await sql`rollback`.execute(transaction).catch(() => {});
      throw error;
    }
  });
}

/**
 * With synchronous_commit = off PostgreSQL confirms what a crash forgets, and by then the checkpoint has forgotten it too. A transaction of
 * ours waits for the server's own disk at least, whatever others do. A process that is suspended in the middle of one keeps no other from its
 * lease for longer than that lasts: the server ends it (MariaDB too, see mysql.ts). It sees rows as they are, and has our own deadlines alone,
 * whatever the defaults of the database or its user. All in one round trip.
 */
const BEGIN_DURABLY = sql`
  begin isolation level read committed; set local statement_timeout = 0; set local lock_timeout = 0; set local idle_in_transaction_session_timeout = '10s'; select set_config('synchronous_commit', 'local', true) where current_setting('synchronous_commit', true) = 'off'`;

/** How often a transaction that another one got in the way of is tried. */
const TRIES = 4;

/** The same for work that may be done again: one that the database ended because of a deadlock is repeated. */
export async function inRepeatableTransaction<T>(
  database: Pick<Database, 'db' | 'dialect'>,
  work: (transaction: Kysely<Schema>) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await inTransaction(database, work);
    } catch (error) {
      if (!isDeadlock(error) || attempt === TRIES) throw error;
    }
  }
}
