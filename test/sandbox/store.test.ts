import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kysely } from 'kysely';
import { afterEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/adapters/sql/open/sql-database.ts';
import { openSqlite } from '../../src/adapters/sql/open/sqlite.ts';
import { importStore } from '../../src/adapters/sql/stores/import-store.ts';
import { recipientStore } from '../../src/adapters/sql/stores/recipient-store.ts';
import { campaignStore } from '../../src/adapters/sql/stores/sql-campaign-store.ts';
import { migrateOwnTables } from '../../src/adapters/sql/tables/own-tables.ts';
import { createMissingTables } from '../../src/adapters/sql/tables/schema.ts';
import type { ContactEvent } from '../../src/sandbox/events.ts';
import { sqliteSandboxStore } from '../../src/sandbox/sqlite-store.ts';
import { memorySandboxStore, type SandboxStore } from '../../src/sandbox/store.ts';
import type { TakenMessage } from '../../src/sandbox/taken-message.ts';

const folder = () => mkdtempSync(join(tmpdir(), 'wsend-sandbox-'));
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function onDisk(path: string): Promise<{ store: SandboxStore; db: Kysely<never> }> {
  const db = openSqlite<never>(path);
  closers.push(() => db.destroy());
  return { store: await sqliteSandboxStore(db), db };
}

function newFile(): string {
  const made = folder();
  closers.push(() => rmSync(made, { recursive: true }));
  return join(made, 'wsend.db');
}

function message(i: number, more: Partial<TakenMessage> = {}): TakenMessage {
  return {
    id: String(i).padStart(24, '0'),
    waId: `3EB0${i}`,
    reference: `r${i}`,
    phone: '+22997000017',
    device: 'd'.repeat(24),
    content: `text ${i}`,
    at: i,
    fails: false,
    ...more,
  };
}

function event(i: number, more: Partial<ContactEvent> = {}): ContactEvent {
  const { phone, device } = message(1);
  return { id: `e${i}`, kind: 'sent', message: '1'.padStart(24, '0'), phone, device, text: '', at: i, calls: 1, callAt: i, ...more };
}

const everything = { until: Number.MAX_SAFE_INTEGER, size: Number.MAX_SAFE_INTEGER, page: 0 };

describe.each([
  ['in memory', async () => memorySandboxStore()],
  ['in a file', async () => (await onDisk(newFile())).store],
])('a store %s', (_, open) => {
  test('gives back what it took, to the letter', async () => {
    const store = await open();
    const nasty = message(1, { content: '😀 "quotes" \'\n\u2028 é \\u0041 $x {{y}} ;--', fails: true, reference: '' });
    await store.add(nasty);
    expect(await store.find(nasty.id)).toEqual(nasty);
    expect(await store.list(everything)).toEqual([nasty]);
    expect(await store.find('nothing')).toBeUndefined();
  });

  test('lists the newest first, by page, and no younger than asked', async () => {
    const store = await open();
    for (let i = 1; i <= 25; i++) await store.add(message(i));
    const ids = async (filter: object) => (await store.list({ ...everything, ...filter })).map(({ at }) => at);
    expect(await ids({ size: 20 })).toEqual(Array.from({ length: 20 }, (_, i) => 25 - i));
    expect(await ids({ size: 20, page: 1 })).toEqual([5, 4, 3, 2, 1]);
    expect(await ids({ size: 20, page: 2 })).toEqual([]);
    expect(await ids({ until: 3 })).toEqual([3, 2, 1]);
    expect(await ids({ after: 22 })).toEqual([25, 24, 23]);
    expect(await ids({ ids: [message(7).id, message(3).id, 'nothing'] })).toEqual([7, 3]);
    expect(await ids({ ids: [] })).toEqual([]);
  });

  test('filters by reference, number and device, exactly', async () => {
    const store = await open();
    await store.add(message(1));
    await store.add(message(2, { reference: 'r1', phone: '+15550111' }));
    await store.add(message(3, { reference: 'R1', device: 'e'.repeat(24) }));
    const found = async (filter: object) => (await store.list({ ...everything, ...filter })).map(({ at }) => at);
    expect(await found({ reference: 'r1' })).toEqual([2, 1]);
    expect(await found({ reference: 'r1', phone: '+22997000017' })).toEqual([1]);
    expect(await found({ device: 'e'.repeat(24) })).toEqual([3]);
    expect(await found({ reference: 'r' })).toEqual([]);
  });

  test('takes the same reference twice as two messages, and says so', async () => {
    const store = await open();
    await Promise.all(
      [message(1), message(2, { reference: 'r1' }), message(3), message(4, { reference: '' }), message(5, { reference: '' })].map((taken) =>
        store.add(taken),
      ),
    );
    expect(await store.holdings()).toEqual({ taken: 5, duplicates: [{ reference: 'r1', count: 2 }] });
  });

  test('keeps what becomes of messages until it is told', async () => {
    const store = await open();
    const [first, second] = [event(1, { calls: 2 }), event(2, { kind: 'reply', message: '', text: "it's 😀", at: 50 })];
    await store.add(message(1), [first]);
    await store.add(message(2));
    await store.events.add([second, event(3, { calls: 0, message: '2'.padStart(24, '0') })]);
    expect(await store.events.about(['1'.padStart(24, '0'), 'nothing'])).toEqual([first]);
    expect(await store.events.untold()).toEqual([first, second]);
    await Promise.all([
      store.events.told(first.id),
      store.events.told(second.id),
      store.events.told(second.id),
      store.events.told('nothing'),
    ]);
    expect(await store.events.untold()).toEqual([{ ...first, calls: 1 }]);
    await store.events.told(first.id);
    expect(await store.events.untold()).toEqual([]);
  });

  test('lists replies, the newest first, and the newest of each number', async () => {
    const store = await open();
    const [ann, bob] = ['+22997000017', '+15550111'];
    await store.add(message(1, { phone: ann, at: 10 }), [
      event(1, { kind: 'reply', phone: ann, at: 30 }),
      event(2, { phone: ann, at: 99 }),
    ]);
    await store.add(message(2, { phone: bob, at: 20 }), [
      event(3, { kind: 'reply', phone: bob, at: 15 }),
      event(4, { kind: 'reply', phone: bob, at: 90 }),
    ]);
    const replies = async (filter: object) => (await store.events.replies({ ...everything, ...filter })).map(({ at }) => at);
    expect(await replies({})).toEqual([90, 30, 15]);
    expect(await replies({ until: 50 })).toEqual([30, 15]);
    expect(await replies({ after: 15 })).toEqual([90, 30]);
    expect(await replies({ phone: bob })).toEqual([90, 15]);
    expect(await replies({ device: 'e'.repeat(24) })).toEqual([]);
    expect(await replies({ size: 1, page: 1 })).toEqual([30]);
    const latest = async (until: number, limit = 10) => (await store.events.latest(until, limit)).map(({ phone, at }) => [phone, at]);
    expect(await latest(100)).toEqual([
      [bob, 90],
      [ann, 30],
    ]);
    expect(await latest(29)).toEqual([
      [bob, 20],
      [ann, 10],
    ]);
    expect(await latest(100, 1)).toEqual([[bob, 90]]);
    expect((await store.events.latest(29, 1))[0]).toEqual(message(2, { phone: bob, at: 20 }));
  });

  test('takes thousands at once, in their order', async () => {
    const store = await open();
    await Promise.all(Array.from({ length: 2_100 }, (_, i) => store.add(message(i))));
    expect((await store.list(everything)).map(({ at }) => at).reverse()).toEqual(Array.from({ length: 2_100 }, (_, i) => i));
  });
});

test('a store in a file still lists what it took after the file was closed and opened again', async () => {
  const path = newFile();
  const db = openSqlite<never>(path);
  const first = await sqliteSandboxStore(db);
  await Promise.all([first.add(message(1)), first.add(message(2))]);
  await db.destroy();
  const { store } = await onDisk(path);
  await store.add(message(3));
  expect((await store.list(everything)).map(({ at }) => at)).toEqual([3, 2, 1]);
});

test('a message that the file refuses is not taken, and the next one is', async () => {
  const { store } = await onDisk(newFile());
  await store.add(message(1));
  await expect(store.add(message(1), [event(1)])).rejects.toThrow(/unique/i);
  expect(await store.events.untold()).toEqual([]);
  await store.add(message(2));
  expect((await store.holdings()).taken).toBe(2);
});

test('a store shares its file with whatever else this process does with it', async () => {
  const { store, db } = await onDisk(newFile());
  const shared = db as unknown as Kysely<{ other: { n: number } }>;
  await shared.schema.createTable('other').addColumn('n', 'integer').execute();
  await Promise.all([
    ...Array.from({ length: 50 }, (_, i) => store.add(message(i))),
    ...Array.from({ length: 50 }, (_, n) =>
      shared.transaction().execute(async (work) => {
        await work.insertInto('other').values({ n }).execute();
        await new Promise((resolve) => setImmediate(resolve));
      }),
    ),
  ]);
  expect((await store.holdings()).taken).toBe(50);
  expect(await shared.selectFrom('other').selectAll().execute()).toHaveLength(50);
});

test('a store lives in the file of the rehearsed campaigns, on their one connection', async () => {
  const path = newFile();
  const open = async () => {
    const database = await openDatabase(`sqlite:${path}`);
    closers.push(() => database.close());
    await createMissingTables(database);
    await migrateOwnTables(database);
    return { database, store: await sqliteSandboxStore(database.db as never) };
  };
  const { database, store } = await open();
  const recipients = async function* () {
    for (let i = 0; i < 200; i++) {
      const phone = `+22901970${String(i).padStart(5, '0')}`;
      yield { phone, countryCode: null, firstName: null, lastName: null, message1: `${i}`, message2: null };
    }
  };
  const plan = { name: 'x', message1: 'x', message2: null, fingerprint: 'f', recipients: recipients() };
  const { campaign } = await importStore(database).createCampaign(plan);
  const pending = await recipientStore(database).pending(campaign, 0, 1_000);
  await Promise.all(
    pending.map(async ({ message: row, phone, content }) => {
      await store.add(message(row, { phone, content }), [event(row)]);
      const sent = { kind: 'sent' as const, message: row, providerId: `p${row}`, at: row, attempts: 1 };
      await recipientStore(database).record(campaign, [sent]);
    }),
  );
  await database.close();
  const again = await open();
  expect((await again.store.holdings()).taken).toBe(200);
  expect(await again.store.events.untold()).toHaveLength(200);
  expect((await campaignStore(again.database).tally(campaign)).sent).toBe(200);
});
