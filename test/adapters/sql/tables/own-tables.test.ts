import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SqlDialect } from '../../../../src/adapters/sql/open/dialect.ts';
import { type Database, openDatabase } from '../../../../src/adapters/sql/open/sql-database.ts';
import { hasOwnTables, migrateOwnTables, OWN_VERSION, ownTablesSql, ownVersion } from '../../../../src/adapters/sql/tables/own-tables.ts';
import { UsageError } from '../../../../src/errors.ts';
import { freshDatabase, isAvailable, type TestDatabase } from '../../../support/databases.ts';
import { createExistingDatabase, describeTables } from '../../../support/existing-database.ts';
import { limitedUser } from '../../../support/limited-user.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
let folder: string;
let program: string;

// Several processes, because SQLite has one connection for each.
beforeAll(async () => {
  folder = mkdtempSync(`${ROOT}/node_modules/.first-run-`);
  program = `${folder}/first-run.js`;
  const bundle = await rolldown({ cwd: ROOT, input: './test/adapters/sql/first-run.ts', platform: 'node', external: /^[^./]/ });
  await bundle.write({ file: program, format: 'esm', codeSplitting: false });
  await bundle.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const opened: Database[] = [];
async function open(url: string): Promise<Database> {
  const database = await openDatabase(url);
  opened.push(database);
  return database;
}
const refusal = (work: Promise<unknown>): Promise<UsageError> =>
  work.then(() => expect.unreachable('it was not refused')).catch((error) => error);

/** What the database says of wsend's own tables. */
const OWN: Record<SqlDialect, string[]> = {
  sqlite: [`select type, name, tbl_name, sql from sqlite_master where tbl_name like 'wsend_%' order by type, name`],
  postgres: [
    `select table_name, column_name, data_type, character_maximum_length, is_nullable, column_default from information_schema.columns
     where table_schema = 'public' and table_name like 'wsend_%' order by table_name, ordinal_position`,
    `select conrelid::regclass::text as "table", conname, pg_get_constraintdef(oid) as definition from pg_constraint
     where connamespace = 'public'::regnamespace order by 1, 2`,
    `select tablename, indexname, indexdef from pg_indexes where schemaname = 'public' order by 1, 2`,
  ],
  mysql: [
    `select table_name, column_name, column_type, is_nullable, column_default, extra, collation_name from information_schema.columns
     where table_schema = database() order by table_name, ordinal_position`,
    `select table_name, index_name, seq_in_index, column_name, non_unique from information_schema.statistics
     where table_schema = database() order by 1, 2, 3`,
    `select table_name, engine from information_schema.tables where table_schema = database() order by 1`,
  ],
};
async function ownTablesOf(beside: TestDatabase, dialect: SqlDialect): Promise<Record<string, unknown>[][]> {
  const found = [];
  for (const text of OWN[dialect]) found.push(await beside.query(text));
  return found;
}

/** Runs statements with the program that people run them with. */
function runAsPeopleDo(dialect: SqlDialect, url: string, input: string): string {
  const { hostname, port, pathname, username, password } = new URL(url);
  const database = pathname.slice(1);
  const env = { ...process.env, PGPASSWORD: password, MYSQL_PWD: password };
  const [command, ...args] = {
    sqlite: ['sqlite3', '-bail', url.replace(/^sqlite:/, '')],
    postgres: ['psql', '-v', 'ON_ERROR_STOP=1', '-q', '-h', hostname, '-p', port || '5432', '-U', username, database],
    mysql: ['mariadb', '-h', hostname, '-P', port || '3306', '-u', username, database],
  }[dialect] as [string, ...string[]];
  const { status, stderr, error } = spawnSync(command, args, { input, encoding: 'utf8', env });
  if (error !== undefined) throw error;
  return status === 0 ? stderr : `exit ${status}: ${stderr}`;
}

const has = (command: string) => spawnSync(command, ['--version']).status === 0;
const PROGRAMS: Record<SqlDialect, boolean> = { sqlite: has('sqlite3'), postgres: has('psql'), mysql: has('mariadb') };

for (const dialect of ['sqlite', 'postgres', 'mysql'] as const)
  describe.runIf(isAvailable(dialect))(`wsend's own tables on ${dialect}`, () => {
    async function withDatabase(make: () => Promise<TestDatabase>, test: (beside: TestDatabase) => Promise<void>): Promise<void> {
      const beside = await make();
      try {
        await test(beside);
      } finally {
        for (const database of opened.splice(0)) await database.close();
        await beside.drop();
      }
    }
    const fresh = (test: (beside: TestDatabase) => Promise<void>) => () => withDatabase(() => freshDatabase(dialect), test);

    it('are not made by looking, and nothing else changes when they are made', () =>
      withDatabase(
        () => createExistingDatabase(dialect),
        async (beside) => {
          const before = await describeTables(beside, dialect);
          const database = await open(beside.url);
          expect([await ownVersion(database), await hasOwnTables(database)]).toEqual([0, false]);
          expect((await ownTablesOf(beside, dialect))[0]?.filter((row) => /^wsend_/.test(String(row.table_name ?? row.name)))).toEqual([]);
          await migrateOwnTables(database);
          await migrateOwnTables(await open(beside.url));
          expect([await ownVersion(database), await hasOwnTables(database)]).toEqual([OWN_VERSION, true]);
          expect(await describeTables(beside, dialect)).toEqual(before);
        },
      ));

    it(
      'are made once when many processes begin at the same instant, and one of them gets the lease',
      fresh(async (beside) => {
        const at = String(Date.now() + 1_500);
        const ends = await Promise.all(
          Array.from({ length: 6 }, async () => {
            const child = spawn(process.execPath, [program, beside.url, at], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
            let said = '';
            for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
            const [code] = await once(child, 'close');
            return `${code} ${said}`;
          }),
        );
        expect(ends.sort()).toEqual([...Array.from({ length: 5 }, () => '0 held'), '0 took']);
        expect(await beside.query('select * from wsend_schema')).toEqual([{ version: OWN_VERSION }]);
      }),
    );

    it(
      'are refused where a newer wsend made them',
      fresh(async (beside) => {
        await migrateOwnTables(await open(beside.url));
        await beside.query(`update wsend_schema set version = ${OWN_VERSION + 1}`);
        const database = await open(beside.url);
        for (const ask of [migrateOwnTables, ownVersion, hasOwnTables, ownTablesSql]) {
          const refused = await refusal(ask(database));
          expect(refused).toBeInstanceOf(UsageError);
          expect(refused.message).toMatch(
            new RegExp(`^the tables of wsend in .* have version ${OWN_VERSION + 1}, and this wsend knows ${OWN_VERSION}$`),
          );
          expect(refused.next).toBe('Use the newer wsend that made them.');
        }
      }),
    );

    it(
      'that are there in part are completed, with what they hold; one with other columns is refused',
      fresh(async (beside) => {
        await migrateOwnTables(await open(beside.url));
        const whole = await ownTablesOf(beside, dialect);
        await beside.query(`insert into wsend_imports (campaign_id, fingerprint) values (7, 'x')`);
        for (const table of ['wsend_schema', 'wsend_leases', 'wsend_optouts', 'wsend_entries']) await beside.query(`drop table ${table}`);
        await migrateOwnTables(await open(beside.url));
        expect(await ownTablesOf(beside, dialect)).toEqual(whole);
        expect(await beside.query('select campaign_id from wsend_imports')).toHaveLength(1);

        await beside.query('drop table wsend_schema');
        await beside.query('drop table wsend_leases');
        await beside.query('create table wsend_leases (name varchar(100) primary key)');
        const refused = await refusal(migrateOwnTables(await open(beside.url)));
        expect(refused).toBeInstanceOf(UsageError);
        expect(refused.message).toMatch(/no such column: wsend_leases\.epoch/);
      }),
    );

    it.runIf(PROGRAMS[dialect])(
      'are the same when somebody runs the statements that wsend prints',
      fresh(async (beside) => {
        const other = await freshDatabase(dialect);
        try {
          const database = await open(beside.url);
          const text = await ownTablesSql(database);
          expect(await ownVersion(database)).toBe(0);
          expect(runAsPeopleDo(dialect, beside.url, text)).toBe('');
          await migrateOwnTables(await open(other.url));
          expect(await ownTablesOf(beside, dialect)).toEqual(await ownTablesOf(other, dialect));
          expect(await beside.query('select version from wsend_schema')).toEqual([{ version: OWN_VERSION }]);
          expect([await ownVersion(database), await ownTablesSql(database), await ownTablesSql(await open(other.url))]).toEqual([
            OWN_VERSION,
            '',
            '',
          ]);
          await migrateOwnTables(database);
        } finally {
          for (const database of opened.splice(0)) await database.close();
          await other.drop();
        }
      }),
    );
  });

describe.each(['postgres', 'mysql'] as const)('a user of %s who may not create tables', (dialect) => {
  it.runIf(isAvailable(dialect))('is told what has them made, and then needs nothing but the rights that are printed with it', async () => {
    const beside = await createExistingDatabase(dialect);
    if (dialect === 'postgres') await beside.query('revoke create on schema public from public');
    const user = await limitedUser(dialect, beside);
    try {
      const database = await open(user.url);
      expect(await hasOwnTables(database)).toBe(false);
      const refused = await refusal(migrateOwnTables(database));
      expect(refused).toBeInstanceOf(UsageError);
      expect(refused.message).toMatch(/^wsend needs tables of its own in \S+ at \S+, and cannot make them \(.*denied.*\)$/);
      expect(refused.next).toBe('Ask a database user who may create tables to run the SQL that wsend doctor --sql prints.');

      const text = await ownTablesSql(database);
      await beside.query(text);
      if (dialect === 'postgres') {
        const unread = await refusal(migrateOwnTables(database));
        expect(unread.message).toMatch(/^this user may not read wsend's own tables in .* \(permission denied for table wsend_schema\)$/);
        expect(unread.next).toMatch(/^Give the right: grant select, insert, update, delete on wsend_imports, /);
      }
      for (const [, right, table] of text.matchAll(/^-- grant (.*) on (.*) to <user>;$/gm))
        await user.grant(right as string, table as string);
      await migrateOwnTables(database);
      expect(await ownTablesSql(database)).toBe('');
      await database.db.insertInto('wsend_optouts').values({ phone: '', is_out: 0, changed_at: database.stamp(), source: '' }).execute();
    } finally {
      for (const database of opened.splice(0)) await database.close();
      await user.drop();
      await beside.drop();
    }
  });
});
