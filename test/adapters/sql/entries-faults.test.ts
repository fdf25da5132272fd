import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sqlEntries } from '../../../src/adapters/sql/entries/sql-entries.ts';
import { type Database, openDatabase } from '../../../src/adapters/sql/open/sql-database.ts';
import { migrateOwnTables } from '../../../src/adapters/sql/tables/own-tables.ts';
import { CheckpointUnreachable, UsageError } from '../../../src/errors.ts';
import type { Entries, Write } from '../../../src/ports/entries.ts';
import { freshDatabase, isAvailable, type TestDatabase } from '../../support/databases.ts';
import { limitedUser } from '../../support/limited-user.ts';
import { type TcpProxy, tcpProxy } from './tcp-proxy.ts';

const NAME = 'campaign:1:message_1';
const QUICK = { connectMs: 400, statementMs: 700, closeMs: 200 };

describe('entries in a SQLite file', () => {
  let beside: TestDatabase;
  let database: Database;
  let entries: Entries;
  beforeEach(async () => {
    beside = await freshDatabase('sqlite');
    database = await openDatabase(beside.url);
    await migrateOwnTables(database);
    entries = sqlEntries(database);
    await entries.open(NAME, 1);
    await entries.write(1, [write(claims(1, 10))]);
  });
  afterEach(async () => {
    await database.close();
    await beside.drop();
  });

  it('are there after the process is gone', async () => {
    await database.close();
    database = await openDatabase(beside.url);
    expect((await sqlEntries(database).open(NAME, 2)).fields.size).toBe(10);
  });

  it('say that the disk is full, keep nothing of the write, and take it once there is room', async () => {
    await sql`pragma wal_checkpoint(truncate)`.execute(database.db);
    const [pages] = (await sql<{ page_count: number }>`pragma page_count`.execute(database.db)).rows;
    await sql.raw(`pragma max_page_count = ${(pages?.page_count ?? 0) + 1}`).execute(database.db);
    const step = { ...claims(1, 10, null), ...claims(11, 5_000) };
    await failsWith(entries.write(2, [write(step)]), CheckpointUnreachable, /^the SQLite file .* has no disk space left$/);
    expect((await entries.view(NAME))?.fields.size).toBe(10);
    await sql`pragma max_page_count = 1000000`.execute(database.db);
    await entries.write(2, [write(step)]);
    expect((await entries.view(NAME))?.fields.size).toBe(5_000);
  });

  it('say that another program keeps the file locked, and take the write once it is free', async () => {
    await sql`pragma busy_timeout = 100`.execute(database.db);
    const other = await openDatabase(beside.url);
    await other.db.transaction().execute(async (work) => {
      await sql`update wsend_checkpoints set step = step`.execute(work);
      await failsWith(entries.write(2, [write({ a: '1' })]), CheckpointUnreachable, /is locked by another program$/);
      await failsWith(entries.open(NAME, 2), CheckpointUnreachable, /is locked by another program$/);
      expect((await entries.view(NAME))?.fields.size).toBe(10);
    });
    await entries.write(2, [write({ a: '1' })]);
    await other.close();
    expect((await entries.view(NAME))?.fields.get('a')).toBe('1');
  });

  it('say that the file may not be written, to doctor too', async () => {
    await sql`pragma query_only = on`.execute(database.db);
    await failsWith(entries.write(2, [write({ a: '1' })]), CheckpointUnreachable, /is read-only$/);
    await failsWith(entries.check(), CheckpointUnreachable, /is read-only$/);
    expect((await entries.view(NAME))?.epoch).toBe(1);
  });

  it('of settled recipients leave nothing behind', async () => {
    await entries.write(2, [write(claims(11, 500))]);
    await entries.write(3, [write({ ...claims(1, 510, null), sent: '510' })]);
    expect(await beside.query('select field from wsend_entries')).toEqual([{ field: 'sent' }]);
  });
});

describe.each(['sqlite', 'postgres', 'mysql'] as const)('entries in a database that has no tables for them: %s', (dialect) => {
  it.runIf(isAvailable(dialect))('are refused before anything is sent, and make none', async () => {
    const beside = await freshDatabase(dialect);
    const database = await openDatabase(beside.url);
    const entries = sqlEntries(database);
    expect(await entries.view(NAME)).toBeNull();
    for (const call of [() => entries.open(NAME, 1), () => entries.check()])
      await failsWith(call(), UsageError, /lacks the tables that wsend keeps for itself$/);
    await migrateOwnTables(database);
    await entries.check();
    await database.close();
    await beside.drop();
  });
});

for (const dialect of ['postgres', 'mysql'] as const) {
  describe.runIf(isAvailable(dialect))(`entries on a server in trouble: ${dialect}`, () => {
    let beside: TestDatabase;
    let proxy: TcpProxy;
    let database: Database;
    let entries: Entries;
    beforeEach(async () => {
      beside = await freshDatabase(dialect);
      proxy = await tcpProxy(beside.url);
      database = await openDatabase(proxy.url, { deadlines: QUICK });
      await migrateOwnTables(database);
      entries = sqlEntries(database);
      await entries.open(NAME, 1);
      await entries.write(1, [write({ a: '1' })]);
    });
    afterEach(async () => {
      await database.close();
      await proxy.close();
      await beside.drop();
    });

    it('cannot be reached, that is said in one line, and the same write is taken later', async () => {
      await proxy.set('down');
      const error = await failsWith(entries.write(2, [write({ a: '2' })]), CheckpointUnreachable, /^cannot reach .* \(connection \w+\)$/);
      expect(error.next).toBe('Check the database, then repeat the command: it continues where it stopped.');
      await failsWith(entries.open(NAME, 2), CheckpointUnreachable, /^cannot reach/);
      await proxy.set('up');
      await entries.write(2, [write({ a: '2' })]);
      expect((await entries.view(NAME))?.fields).toEqual(new Map([['a', '2']]));
    });

    it('lost the answer, the same write again changes nothing', async () => {
      const held = await openDatabase(beside.url);
      let late: Promise<unknown> | undefined;
      await held.db.transaction().execute(async (work) => {
        await sql`update wsend_checkpoints set step = step`.execute(work);
        // The server has it, and waits; we are gone before it answers.
        late = entries.write(2, [write({ a: '2', b: '2' })]).catch((error: unknown) => error);
        expect(await late).toBeInstanceOf(CheckpointUnreachable);
      });
      await held.close();
      await until(async () => (await entries.write(2, [write({ a: 'again' })]).catch(() => 'not yet')) === undefined);
      const fields = (await entries.view(NAME))?.fields ?? new Map();
      expect([
        ['2', '2'],
        ['again', undefined],
      ]).toContainEqual([fields.get('a'), fields.get('b')]);
      await entries.write(3, [write({ a: '3' })]);
    });

    it('lets this user only read: refused before anything is sent, and an outage later', async () => {
      const user = await limitedUser(dialect, beside);
      const reader = await openDatabase(user.url);
      await failsWith(sqlEntries(reader).open(NAME, 2), UsageError, /refused: .*denied/);
      await failsWith(sqlEntries(reader).check(), UsageError, /refused: .*denied/);
      await failsWith(sqlEntries(reader).write(2, [write({ a: '2' })]), CheckpointUnreachable, /refused: .*denied/);
      expect((await sqlEntries(reader).view(NAME))?.fields.get('a')).toBe('1');
      await reader.close();
      await user.drop();
    });
  });
}

it.runIf(isAvailable('postgres')).each(['off', 'local', 'remote_apply'])(
  'a write is on the disk of PostgreSQL when it is confirmed, also where synchronous_commit is %s',
  async (set) => {
    const beside = await freshDatabase('postgres');
    await beside.query(`do $$ begin execute format('alter database %I set synchronous_commit = ${set}', current_database()); end $$`);
    const database = await openDatabase(beside.url);
    await migrateOwnTables(database);
    // What is deferred runs last of all, with the commit.
    await beside.query(`create table seen (setting text);
      create function see() returns trigger as 'begin insert into seen values (current_setting(''synchronous_commit'')); return null; end' language plpgsql;
      create constraint trigger see after update on wsend_checkpoints initially deferred for each row execute function see()`);
    const entries = sqlEntries(database);
    await entries.open(NAME, 1);
    await entries.write(1, [write({ a: '1' })]);
    await entries.write(2, [write({})]);
    const safe = set === 'off' ? 'local' : set;
    expect(await beside.query('select setting from seen')).toEqual(Array.from({ length: 3 }, () => ({ setting: safe })));
    expect((await sql<{ is: string }>`select current_setting('synchronous_commit') as is`.execute(database.db)).rows).toEqual([
      { is: set },
    ]);
    await database.close();
    await beside.drop();
  },
);

it.runIf(isAvailable('postgres')).each(['repeatable read', 'serializable'])(
  'a run is shut out of PostgreSQL whatever the isolation of its transactions: %s',
  async (isolation) => {
    const beside = await freshDatabase('postgres');
    await beside.query(
      `do $$ begin execute format('alter database %I set default_transaction_isolation = ''${isolation}''', current_database()); end $$`,
    );
    const [one, other] = [await openDatabase(beside.url), await openDatabase(beside.url)];
    await migrateOwnTables(one);
    const late = sqlEntries(one);
    for (let round = 0; round < 10; round += 1) {
      await late.open(NAME, 2 * round + 1);
      let step = 0;
      let written = 0;
      const writing = (async () => {
        for (;;) {
          step += 1;
          await repeated(() => late.write(step, [{ ...write({ [step]: 'x' }), epoch: 2 * round + 1 }]));
          written += 1;
        }
      })().catch((error: Error) => error.message);
      while (written < round) await new Promise((resolve) => setImmediate(resolve));
      const next = sqlEntries(other);
      const { fields } = await repeated(() => next.open(NAME, 2 * round + 2));
      expect(await writing).toMatch(/taken over/);
      expect((await next.view(NAME))?.fields).toEqual(fields);
      expect(fields.size).toBe(written);
      await next.write(1, [{ ...write(Object.fromEntries([...fields.keys()].map((field) => [field, null]))), epoch: 2 * round + 2 }]);
    }
    for (const database of [one, other]) await database.close();
    await beside.drop();
  },
);

function write(fields: Write['fields']): Write {
  return { name: NAME, epoch: 1, fields };
}

function claims(first: number, count: number, value: string | null = JSON.stringify({ is: 'claim', reference: 'wsend-1-1-abcdefgh' })) {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [first + i, value]));
}

async function failsWith(
  call: Promise<unknown>,
  kind: typeof CheckpointUnreachable | typeof UsageError,
  message: RegExp,
): Promise<CheckpointUnreachable | UsageError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(kind);
  expect((error as Error).message).toMatch(message);
  expect((error as Error).message).not.toContain('\n');
  return error as UsageError;
}

/** Again for as long as the store cannot be reached. */
async function repeated<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof CheckpointUnreachable)) throw error;
    }
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('it never was so');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
