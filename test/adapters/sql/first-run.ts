import { leases } from '../../../src/adapters/sql/leases/sql-leases.ts';
import { openDatabase } from '../../../src/adapters/sql/open/sql-database.ts';
import { migrateOwnTables } from '../../../src/adapters/sql/tables/own-tables.ts';

// A process of its own, for own-tables.test.ts: at a given moment it makes wsend's tables in a database, and takes a lease there.
const [url = '', at = '0'] = process.argv.slice(2);
const database = await openDatabase(url);
await new Promise((resolve) => setTimeout(resolve, Number(at) - Date.now()));
await migrateOwnTables(database);
const owner = { token: String(process.pid), host: '', machine: '', boot: '', namespace: '', pid: process.pid, startedAt: 0, birth: '' };
const answer = await leases(database).take(['campaign:1:message_1', 'line:a'], owner, []);
process.stdout.write('lease' in answer ? 'took' : 'held');
await database.close();
