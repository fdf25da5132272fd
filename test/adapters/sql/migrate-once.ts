import { openDatabase } from '../../../src/adapters/sql/database.ts';
import { migrateOwnTables } from '../../../src/adapters/sql/own-tables.ts';

// A process of its own, for own-tables.test.ts: migrates the database it is given at the moment it is given.
const [url = '', at = '0'] = process.argv.slice(2);
const database = await openDatabase(url);
await new Promise((resolve) => setTimeout(resolve, Number(at) - Date.now()));
await migrateOwnTables(database);
await database.close();
