import { createHash } from 'node:crypto';
import { UsageError } from '../../errors.ts';
import type { Database } from './database.ts';
import { describeDatabaseError, isDuplicate } from './database-errors.ts';
import { createLineTable } from './schema.ts';

/** A longer line is kept under its hash. */
const LONGEST_LINE = 200;

/**
 * Notes that the pace of a line is kept in the checkpoint store `store` from now on. True when it was kept in another until now, so that ours
 * does not know the last start; and where this user may neither create nor write `wsend_lines`, so that nobody can tell. Only for who holds the line.
 */
export async function movePace(database: Database, line: string, store: string): Promise<boolean> {
  const { db, name } = database;
  const key = line.length <= LONGEST_LINE ? line : createHash('sha256').update(line).digest('hex');
  const now = { pace_in: store, since: database.stamp() };
  try {
    await createLineTable(database);
    const row = await db.selectFrom('wsend_lines').select('pace_in').where('line', '=', key).executeTakeFirst();
    if (row?.pace_in === store) return false;
    if (row === undefined) {
      await db
        .insertInto('wsend_lines')
        .values({ line: key, ...now })
        .execute();
      return false;
    }
    await db.updateTable('wsend_lines').set(now).where('line', '=', key).execute();
    return true;
  } catch (error) {
    // Nobody else may note this line now but one who shares our store.
    if (isDuplicate(error)) return false;
    const described = error instanceof UsageError ? error : describeDatabaseError(error, name, 'opening');
    if (described instanceof UsageError) return true;
    throw error;
  }
}
