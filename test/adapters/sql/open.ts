import type { SqlDialect } from '../../../src/adapters/sql/open/dialect.ts';
import { openDatabase } from '../../../src/adapters/sql/open/sql-database.ts';
import { migrateOwnTables } from '../../../src/adapters/sql/tables/own-tables.ts';
import { createMissingTables } from '../../../src/adapters/sql/tables/schema.ts';
import type { OpenedDatabase } from '../../contract/campaign-store.ts';
import { freshDatabase } from '../../support/databases.ts';
import { createExistingDatabase } from '../../support/existing-database.ts';

/** A database whose tables wsend has made, or one that an operator's platform has made before. */
export async function open(dialect: SqlDialect, madeBy: 'wsend' | 'platform'): Promise<OpenedDatabase> {
  const beside = await (madeBy === 'wsend' ? freshDatabase(dialect) : createExistingDatabase(dialect));
  const database = await openDatabase(beside.url);
  await createMissingTables(database);
  await migrateOwnTables(database);
  return { database, beside };
}
