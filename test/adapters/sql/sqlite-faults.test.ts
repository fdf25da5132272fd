import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../src/adapters/sql/open/sql-database.ts';
import { openSqlite } from '../../../src/adapters/sql/open/sqlite.ts';
import { recipientStore } from '../../../src/adapters/sql/stores/recipient-store.ts';
import { migrateOwnTables } from '../../../src/adapters/sql/tables/own-tables.ts';
import { createMissingTables } from '../../../src/adapters/sql/tables/schema.ts';
import { DatabaseUnreachable } from '../../../src/errors.ts';
import type { Result } from '../../../src/ports/campaign-store.ts';
import type { TestDatabase } from '../../support/databases.ts';
import { createExistingDatabase } from '../../support/existing-database.ts';

const sent = (message: number): Result => ({ kind: 'sent', message, providerId: 'x', at: Date.now(), attempts: 1 });

describe('the SQLite file', () => {
  let beside: TestDatabase;
  let path: string;
  let database: Database;
  let rows: number[];

  beforeEach(async () => {
    beside = await createExistingDatabase('sqlite');
    path = beside.url.slice('sqlite:'.length);
    database = await openDatabase(beside.url);
    await migrateOwnTables(database);
    await recipientStore(database).prepare(42, () => 'Hello');
    rows = (await recipientStore(database).pending(42, 0, 100)).map(({ message }) => message);
  });
  afterEach(async () => {
    await database.close();
    await beside.drop();
  });

  const sentRows = async () =>
    Number((await beside.query(`select count(*) as n from messages where campaign_id = 42 and status = 'sent'`))[0]?.n);

  it('when another process holds it too long, that is said in one line, nothing is half written, and later all is well', async () => {
    const other = await lockedByAnotherProcess(path, 6_000);
    const error = await recipientStore(database)
      .record(42, rows.map(sent))
      .catch((e) => e);
    expect(error).toBeInstanceOf(DatabaseUnreachable);
    expect(error.message).toBe(`the SQLite file ${path} is locked by another program`);
    expect(await recipientStore(database).pending(42, 0, 100)).toHaveLength(24);
    await once(other, 'exit');
    expect(await sentRows()).toBe(0);
    await recipientStore(database).record(42, rows.slice(0, 5).map(sent));
    expect(await sentRows()).toBe(5);
  });

  it('when another process holds it for a moment, is waited for', async () => {
    const other = await lockedByAnotherProcess(path, 700);
    await recipientStore(database).record(42, rows.map(sent));
    expect(await sentRows()).toBe(24);
    await once(other, 'exit');
  });

  it('after a lock was met by a single statement, still keeps what is written next', async () => {
    const other = await lockedByAnotherProcess(path, 6_000);
    await expect(sql`update campaigns set name = 'a' where id = 42`.execute(database.db)).rejects.toThrow('database is locked');
    await once(other, 'exit');
    await sql`update campaigns set name = 'b' where id = 42`.execute(database.db);
    expect(await beside.query('select name from campaigns where id = 42')).toEqual([{ name: 'b' }]);
    await beside.query(`update campaigns set name = 'c' where id = 42`);
  });

  it('that may only be read is read, and a write is refused in one line', async () => {
    await database.close();
    for (const file of [path, `${path}-wal`, `${path}-shm`]) chmodIfThere(file, 0o444);
    chmodSync(dirname(path), 0o555);
    const error = await asNobody(async () => {
      database = await openDatabase(beside.url);
      return recipientStore(database)
        .record(42, rows.map(sent))
        .catch((e) => e);
    }).catch((e) => e);
    chmodSync(dirname(path), 0o755);
    expect(error).toBeInstanceOf(DatabaseUnreachable);
    expect(error.message).toBe(`the SQLite file ${path} is read-only`);
  });

  it('that is full takes nothing of a write, and says so', async () => {
    const [pages] = (await sql<{ page_count: number }>`pragma page_count`.execute(database.db)).rows;
    await sql.raw(`pragma max_page_count = ${pages?.page_count}`).execute(database.db);
    const failed = (message: number): Result => ({
      kind: 'failed',
      message,
      code: 'x',
      reason: 'y'.repeat(1_900),
      at: 0,
      attempts: 1,
      providerId: null,
    });
    const error = await recipientStore(database)
      .record(42, rows.map(failed))
      .catch((e) => e);
    expect(error).toBeInstanceOf(DatabaseUnreachable);
    expect(error.message).toMatch(/has no disk space left$/);
    expect(await recipientStore(database).pending(42, 0, 100)).toHaveLength(24);
    await sql.raw('pragma max_page_count = 1000000').execute(database.db);
    await recipientStore(database).record(42, rows.map(failed));
    expect(await recipientStore(database).pending(42, 0, 100)).toHaveLength(0);
  });

  it('that is no database, or in no folder, or has no name, is refused in one line', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'wsend-test-'));
    writeFileSync(join(folder, 'notes.txt'), 'These are notes, not a database. '.repeat(200));
    const refused = (url: string) => openDatabase(url).catch((e) => e);
    expect(await refused(`sqlite:${folder}/notes.txt`)).toMatchObject({
      exitCode: 1,
      message: `the SQLite file ${folder}/notes.txt is not an SQLite database`,
      next: 'Check DATABASE_URL and the database, then repeat the command.',
    });
    expect(await refused(`sqlite:${folder}/none/x.db`)).toMatchObject({
      exitCode: 1,
      message: `cannot open the SQLite file ${folder}/none/x.db: its folder does not exist`,
    });
    expect(await refused(`sqlite:${folder}`)).toMatchObject({
      exitCode: 1,
      message: `cannot open the SQLite file ${folder}: it is a directory`,
    });
    expect((await refused(`sqlite:${folder}/notes.txt/x.db`)).message).toMatch(/: its folder is a file$/);
    expect(await refused('sqlite:')).toMatchObject({ exitCode: 2 });
    rmSync(folder, { recursive: true });
  });

  it('that may not be opened, or not made, is refused in plain words', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'wsend-test-'));
    writeFileSync(join(folder, 'locked.db'), '');
    chmodSync(join(folder, 'locked.db'), 0o000);
    chmodSync(folder, 0o555);
    const refused = (name: string) => asNobody(() => openDatabase(`sqlite:${folder}/${name}`).catch((e) => e));
    const [locked, absent] = [await refused('locked.db'), await refused('absent.db')];
    chmodSync(folder, 0o755);
    rmSync(folder, { recursive: true });
    expect(locked).toMatchObject({
      exitCode: 1,
      message: `cannot open the SQLite file ${folder}/locked.db: you may not read and write it`,
    });
    expect(absent.message).toBe(`cannot open the SQLite file ${folder}/absent.db: you may not write in its folder`);
  });

  it('that is new and that another process is just writing is waited for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'wsend-test-'));
    const other = await lockedByAnotherProcess(join(folder, 'new.db'), 500);
    await openSqlite<never>(join(folder, 'new.db')).destroy();
    await once(other, 'exit');
    rmSync(folder, { recursive: true });
  });

  it('is created by several processes at once without a fault', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'wsend-test-'));
    const databases = await Promise.all([1, 2, 3].map(() => openDatabase(`sqlite://${folder}/new.db`)));
    for (const each of databases) await createMissingTables(each);
    expect(databases[0]?.name).toBe(`the SQLite file ${folder}/new.db`);
    for (const each of databases) await each.close();
    rmSync(folder, { recursive: true });
  });

  it('takes booleans and whole numbers as what they are', async () => {
    const db = openSqlite<never>(':memory:');
    const { rows } =
      await sql`select ${true} as yes, ${false} as no, ${null} as missing, typeof(${5}) as five, typeof(${1.5}) as half`.execute(db);
    expect(rows).toEqual([{ yes: 1, no: 0, missing: null, five: 'integer', half: 'real' }]);
    await db.destroy();
  });
});

async function lockedByAnotherProcess(path: string, ms: number): Promise<ChildProcess> {
  const code = `const { DatabaseSync } = require('@photostructure/sqlite'); const file = new DatabaseSync(process.argv[1]); file.exec('begin immediate');
    console.log('locked'); setTimeout(() => file.exec('commit'), Number(process.argv[2]))`;
  const child = spawn(process.execPath, ['-e', code, path, String(ms)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

/** Root may write to any file, so it has to be somebody else. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

function chmodIfThere(file: string, mode: number): void {
  try {
    chmodSync(file, mode);
  } catch {}
}
