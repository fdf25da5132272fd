import { randomUUID } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { takenOver } from '../../../core/fence.ts';
import { CheckpointUnreachable, InfrastructureError, LeaseLost, UsageError } from '../../../errors.ts';
import type { Entries, Opened } from '../../../ports/entries.ts';
import { describeDatabaseError } from '../open/database-errors.ts';
import { locked } from '../open/dialect.ts';
import type { Database } from '../open/sql-database.ts';
import { inRepeatableTransaction } from '../open/transaction.ts';
import { hasOwnTables } from '../tables/own-tables.ts';
import type { Schema } from '../tables/table-types.ts';
import { writeAtOnce } from './entries-postgres.ts';
import { hasRunOut, writeInTransaction } from './entries-write.ts';

/** What a database answers when it is asked which process it is: it keeps what it confirms, whichever that is. */
const SERVER = 'database';
/** Names whose time has run out that one call of `open` removes, at most. */
const REMOVED_AT_ONCE = 20;

/**
 * Entries in the campaign's database, in tables that `migrateOwnTables` makes. Values are texts that every database takes: no NUL, no half
 * surrogate pairs, as JSON has none. `close` leaves the database open: its opener closes it.
 */
export function sqlEntries(database: Database): Entries {
  const { db, dialect, name: place } = database;
  const writeStep: Entries['write'] = (step, writes) =>
    dialect === 'postgres' ? writeAtOnce(database, step, writes) : writeInTransaction(database, step, writes);

  async function open(name: string, epoch: number): Promise<Opened> {
    if (!(await hasOwnTables(database)))
      throw new UsageError(`${place} lacks the tables that wsend keeps for itself`, 'wsend doctor --sql prints the SQL that makes them.');
    await removeExpired(database, name);
    const fields = await inRepeatableTransaction(database, async (work) => {
      const row = { name, epoch, step: 0, kept_until: null };
      const insert = work.insertInto('wsend_checkpoints').values(row);
      // Where it is there already, this changes nothing but locks it, as every write and removal does.
      await (dialect === 'mysql'
        ? insert.onDuplicateKeyUpdate({ name })
        : insert.onConflict((on) => on.column('name').doUpdateSet({ name }))
      ).execute();
      const checkpoint = work.selectFrom('wsend_checkpoints').select('epoch').where('name', '=', name);
      const { epoch: found } = await checkpoint.executeTakeFirstOrThrow();
      if (found > epoch) throw new LeaseLost(takenOver(name));
      await work.updateTable('wsend_checkpoints').set(row).where('name', '=', name).execute();
      return work.selectFrom('wsend_entries').select(['field', 'value']).where('name', '=', name).execute();
    });
    return { fields: new Map(fields.map(({ field, value }) => [field, value])), server: SERVER };
  }

  async function view(name: string) {
    if (!(await hasOwnTables(database))) return null;
    const rows = await db
      .selectFrom('wsend_checkpoints as c')
      .leftJoin('wsend_entries as e', 'e.name', 'c.name')
      .select(['c.epoch', 'e.field', 'e.value'])
      .where('c.name', '=', name)
      .where(sql<boolean>`not ${hasRunOut(dialect)}`)
      .execute();
    const [first] = rows;
    if (first === undefined) return null;
    const fields = rows.flatMap(({ field, value }): [string, string][] => (field === null || value === null ? [] : [[field, value]]));
    return { epoch: first.epoch, fields: new Map(fields) };
  }

  async function check() {
    const name = `check:${randomUUID()}`;
    await open(name, 1);
    await writeStep(1, [{ name, epoch: 1, fields: { a: 'a', b: 'b' }, keptFor: 0 }]);
    await removeExpired(database, name);
    return { detail: `in ${place}`, warnings: [] };
  }

  return {
    open: (name, epoch) => described('opening', () => open(name, epoch)),
    write: (step, writes) => described('open', () => writeStep(step, writes)),
    view: (name) => described('opening', () => view(name)),
    check: () => described('opening', check),
    close: async () => undefined,
  };

  /** What a database refuses is wrong use before anything is sent; later it is an outage that is waited for. */
  async function described<T>(stage: 'opening' | 'open', work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const known = describeDatabaseError(error, place, stage) ?? error;
      if (!(known instanceof InfrastructureError)) throw known;
      throw new CheckpointUnreachable(known.message, known.next, error);
    }
  }
}

/** Names whose time has run out lose what is kept under them; this one first. */
async function removeExpired(database: Database, first: string): Promise<void> {
  const { db, dialect } = database;
  const expired = (work: Kysely<Schema>) => work.selectFrom('wsend_checkpoints as c').select('c.name').where(hasRunOut(dialect));
  const names = await expired(db).orderBy(sql`case when c.name = ${first} then 0 else 1 end`).limit(REMOVED_AT_ONCE).execute();
  for (const { name } of names) {
    await inRepeatableTransaction(database, async (work) => {
      // A run that opens it meanwhile waits for this lock, or has kept it from running out.
      if ((await locked(dialect, expired(work).where('c.name', '=', name)).executeTakeFirst()) === undefined) return;
      await work.deleteFrom('wsend_entries').where('name', '=', name).execute();
      await work.deleteFrom('wsend_checkpoints').where('name', '=', name).execute();
    });
  }
}
