import { type Kysely, sql } from 'kysely';
import { UsageError } from '../../errors.ts';

/** What the header of an SQLite file says whose tables are rehearsals: "wsnd" in ASCII, where no other program's number is. */
const REHEARSALS = 0x77736e64;
const MARK = sql`pragma application_id = 2004053604`;

/**
 * An SQLite file belongs to one world for ever, whatever path leads to it: a rehearsal must not write the operator's file, and its copies must
 * not be sent to people. Marks an empty one that is opened for rehearsals; rejects with UsageError in the wrong world.
 */
export async function checkWorld<Tables>(db: Kysely<Tables>, { path, rehearsals }: { path: string; rehearsals: boolean }): Promise<void> {
  const { rows } = await sql<{ application_id: number }>`pragma application_id`.execute(db);
  const isMarked = rows[0]?.application_id === REHEARSALS;
  if (isMarked === rehearsals) return;
  if (isMarked)
    throw new UsageError(
      `the SQLite file ${path} holds rehearsals, and what is in it must not be sent to people`,
      'Set DATABASE_URL to another file, or add --sandbox to go on with a rehearsal.',
    );
  const { rows: tables } = await sql`select 1 from sqlite_master limit 1`.execute(db);
  if (tables.length > 0)
    throw new UsageError(
      `the SQLite file ${path} is a database of its own, and rehearsals would change it`,
      'Set WSEND_SANDBOX_FILE to a file that only rehearsals use, or leave it out.',
    );
  await MARK.execute(db);
}
