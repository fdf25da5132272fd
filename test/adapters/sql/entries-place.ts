import { sqlEntries } from '../../../src/adapters/sql/entries/sql-entries.ts';
import type { SqlDialect } from '../../../src/adapters/sql/open/dialect.ts';
import { openDatabase } from '../../../src/adapters/sql/open/sql-database.ts';
import { migrateOwnTables } from '../../../src/adapters/sql/tables/own-tables.ts';
import type { EntriesPlace } from '../../contract/entries.ts';
import { freshDatabase } from '../../support/databases.ts';

/** An empty database for the contract. Time passes there by taking it off every name's time. */
export async function sqlPlace(dialect: SqlDialect): Promise<EntriesPlace> {
  const beside = await freshDatabase(dialect);
  const first = await openDatabase(beside.url);
  await migrateOwnTables(first);
  // Another process has a connection of its own; on SQLite a second one in this process would block the thread that it waits for.
  const others = dialect === 'sqlite' ? [] : [await openDatabase(beside.url)];
  const all = [first, ...others];
  let next = 0;
  const { db } = first;
  const wipe = async () => {
    for (const table of ['wsend_entries', 'wsend_checkpoints'] as const) await db.deleteFrom(table).execute();
  };
  return {
    entries: () => sqlEntries(all[next++ % all.length] as typeof first),
    async pass(ms) {
      await beside.query(`update wsend_checkpoints set kept_until = kept_until - ${ms}`);
    },
    wipe,
    async copy() {
      const checkpoints = await db.selectFrom('wsend_checkpoints').selectAll().execute();
      const entries = await db.selectFrom('wsend_entries').selectAll().execute();
      return async () => {
        await wipe();
        for (const row of checkpoints) await db.insertInto('wsend_checkpoints').values(row).execute();
        for (const row of entries) await db.insertInto('wsend_entries').values(row).execute();
      };
    },
    async size() {
      const counts = await beside.query('select (select count(*) from wsend_checkpoints) + (select count(*) from wsend_entries) as n');
      return Number(counts[0]?.n);
    },
    async close() {
      for (const database of all) await database.close();
      await beside.drop();
    },
  };
}
