import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { durabilityWarnings, warningsOf } from '../../../../src/adapters/sql/open/durability.ts';
import { openDatabase } from '../../../../src/adapters/sql/open/sql-database.ts';
import { inTransaction } from '../../../../src/adapters/sql/open/transaction.ts';
import { freshDatabase, isAvailable } from '../../../support/databases.ts';

const SAFE_POSTGRES = { fsync: 'on', full_page_writes: 'on' };
const SAFE_MYSQL = { innodb_flush_log_at_trx_commit: '1', log_bin: '1', sync_binlog: '1' };

it.each([
  ['postgres', SAFE_POSTGRES, []],
  [
    'postgres',
    { ...SAFE_POSTGRES, fsync: 'off', full_page_writes: 'off' },
    [/^fsync is off: .*; set it to on$/, /^full_page_writes is off: /],
  ],
  ['mysql', SAFE_MYSQL, []],
  ['mysql', { ...SAFE_MYSQL, sync_binlog: '0' }, [/^sync_binlog is 0: .*; set it to 1$/]],
  ['mysql', { ...SAFE_MYSQL, sync_binlog: '0', log_bin: '0' }, []],
  ['mysql', { ...SAFE_MYSQL, innodb_flush_log_at_trx_commit: '2' }, [/^innodb_flush_log_at_trx_commit is 2: .*; set it to 1$/]],
  ['mysql', {}, [/^could not check whether .*: innodb_flush_log_at_trx_commit should be 1$/, /sync_binlog should be 1$/]],
] as const)('%s with %o: %s', (dialect, seen, warnings) => {
  expect(warningsOf(dialect, seen)).toEqual(warnings.map((pattern) => expect.stringMatching(pattern)));
});

it.each(['sqlite', 'postgres', 'mysql'] as const)('a real server tells its settings: %s', async (dialect) => {
  if (!isAvailable(dialect)) return;
  const beside = await freshDatabase(dialect);
  const database = await openDatabase(beside.url);
  const warnings = await durabilityWarnings(database);
  await database.close();
  await beside.drop();
  expect(warnings.filter((text) => text.includes('could not be checked'))).toEqual([]);
});

it.runIf(isAvailable('postgres')).each([
  ['off', 'local'],
  ['local', 'local'],
  ['remote_apply', 'remote_apply'],
])('a transaction of wsend where synchronous_commit is %s: %s, and nothing else changes', async (set, inside) => {
  const beside = await freshDatabase('postgres');
  await beside.query(`do $$ begin execute format('alter database %I set synchronous_commit = ${set}', current_database()); end $$`);
  const database = await openDatabase(beside.url);
  const setting = async (db: typeof database.db) =>
    (await sql<{ is: string }>`select current_setting('synchronous_commit') as is`.execute(db)).rows;
  expect(await inTransaction(database, setting)).toEqual([{ is: inside }]);
  expect(await setting(database.db)).toEqual([{ is: set }]);
  await database.close();
  await beside.drop();
});
