import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, it, type TestContext } from 'vitest';
import { freshDatabase, isAvailable, type TestDatabase } from '../support/databases.ts';
import { redisProgram } from '../support/env.ts';
import { createExistingDatabase, describeTables, EXISTING } from '../support/existing-database.ts';
import { limitedUser } from '../support/limited-user.ts';
import { startRedis } from '../support/servers.ts';
import { type StandIn, standIn } from '../support/stand-in.ts';
import { expectComplaint, expectTidy } from './expectations.ts';
import { events, type Outcome, Place, phones, QUICK } from './program.ts';

// A rehearsal leaves no trace, and a copy of a database knows nothing of what became of the original, nor the other way round.

const PACE = { ...QUICK, WASSENGER_RATE_LIMIT_SECONDS: '0.02', WASSENGER_LOOKUP_SECONDS: '0.5' };
type Dialect = 'sqlite' | 'postgres' | 'mysql';

const EVERYONE = EXISTING.recipients;
/** How the text of an earlier campaign begins. */
const EARLIER = 'Welcome';
const RUN = ['run', '--campaign', '42', '--json'];
const DIALECTS = (['sqlite', 'postgres', 'mysql'] as const).filter(isAvailable);
const STORES = (['the database', 'Redis'] as const).filter((store) => redisProgram || store === 'the database');

interface Scene {
  database: TestDatabase;
  account: StandIn;
  place: Place;
  /** How many keys the Redis has, if there is one. */
  keys(): Promise<number>;
}

async function begin(
  dialect: Dialect,
  test: TestContext,
  store: (typeof STORES)[number] = STORES.at(-1) ?? 'the database',
): Promise<Scene> {
  const database = await createExistingDatabase(dialect);
  test.onTestFinished(() => database.drop());
  return { database, ...(await at(database.url, test, store)) };
}

/** An account and a folder, with or without a Redis of their own. */
async function at(url: string, { onTestFinished }: TestContext, store: (typeof STORES)[number]): Promise<Omit<Scene, 'database'>> {
  const account = await standIn();
  onTestFinished(() => account.close());
  const place = new Place({ ...PACE, ...account.env, DATABASE_URL: url });
  onTestFinished(() => place.leave());
  if (store === 'the database') return { account, place, keys: async () => 0 };
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  place.env = { ...place.env, REDIS_URL: redis.url };
  const keys = async () => {
    const client = new Redis(redis.url);
    const count = await client.dbsize();
    client.disconnect();
    return count;
  };
  return { account, place, keys };
}

/** All that a database is: an SQLite file byte for byte with what lies beside it, else every table with its rows. */
async function everythingIn(database: TestDatabase, dialect: Dialect): Promise<unknown> {
  if (dialect === 'sqlite') {
    const path = database.url.slice('sqlite:'.length);
    return [readdirSync(dirname(path)), existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : null];
  }
  const schema = dialect === 'postgres' ? `'public'` : 'database()';
  const tables = await database.query(`select table_name as name from information_schema.tables where table_schema = ${schema} order by 1`);
  const rows = tables.map(async ({ name }) => [name, await database.query(`select * from ${name} order by 1`)]);
  return [await describeTables(database, dialect), await Promise.all(rows)];
}

/** It ended well, for so many. */
function expectRehearsed(outcome: Outcome, count: number): void {
  expect(outcome.code, outcome.stderr).toBe(0);
  expectTidy(outcome);
  expect(events(outcome).at(-1)).toMatchObject({ type: 'summary', total: count, sent: count, pending: 0, in_doubt: 0 });
  expect(events(outcome).filter(({ type }) => type === 'sent')).toHaveLength(count);
}

/** Everything that was told is real, and the account has taken one message for each. */
function expectSent(outcome: Outcome, account: StandIn, count: number = EVERYONE): void {
  expect(account.twice()).toHaveLength(0);
  expect(takenNow(account)).toHaveLength(count);
  expect(outcome.code, outcome.stderr).toBe(0);
  expectTidy(outcome);
  expect(events(outcome).filter(({ sandbox }) => sandbox === true)).toEqual([]);
  expect(events(outcome).at(-1)).toMatchObject({ type: 'summary', sent: count, failed: 0, pending: 0, in_doubt: 0 });
}

const takenNow = (account: StandIn) => account.taken.filter(({ message }) => !message.startsWith(EARLIER));
const filesOf = (place: Place) => readdirSync(place.folder).filter((name) => !/^wsend-sandbox\.db(-wal|-shm)?$/.test(name));

for (const dialect of DIALECTS)
  describe.concurrent(`a rehearsal of a campaign in ${dialect}`, { timeout: 60_000 }, () => {
    it('changes nothing: the campaign is then sent for real', async (test) => {
      const { account, place } = await begin(dialect, test);
      expectRehearsed(await place.run([...RUN, '--sandbox']), EVERYONE);
      expectSent(await place.run(RUN), account);
    });

    it('leaves no trace, however often', async (test) => {
      const { database, account, place, keys } = await begin(dialect, test);
      const before = await everythingIn(database, dialect);
      const withoutKey = { WASSENGER_API_KEY: '', WASSENGER_DEVICE_ID: '' };
      for (const env of [{}, withoutKey]) {
        expectRehearsed(await place.run([...RUN, '--sandbox'], env), EVERYONE);
        expect(filesOf(place)).toEqual([]);
        expect(existsSync(place.path('wsend-sandbox.db'))).toBe(true);
        expect(await everythingIn(database, dialect)).toEqual(before);
        expect([await keys(), account.taken.length]).toEqual([0, 0]);
      }
    });

    it('says sandbox in the plan, every line and the summary, and where the page of the sandbox is', async (test) => {
      const { place } = await begin(dialect, test);
      const told = events(await place.run([...RUN, '--sandbox']));
      expect(told.map(({ type }) => type)).toEqual(expect.arrayContaining(['plan', 'sent', 'summary']));
      expect(told.filter(({ sandbox }) => sandbox !== true)).toEqual([]);
      const { code, stdout, stderr } = await place.run(['run', '--campaign', '42', '--sandbox']);
      expect([code, stdout], stderr).toEqual([0, expect.stringMatching(/sandbox/i)]);
      expect(stdout + stderr).toMatch(/http:\/\/127\.0\.0\.1:\d+/);
      expect(stderr).toMatch(/sandbox/i);
      // It is begun anew, so there is nothing of an earlier run to look for.
      expect(stderr).not.toMatch(/looking up/);
    });

    it('is seen with --sandbox: status, report and verify speak of it alone', async (test) => {
      const { database, account, place } = await begin(dialect, test);
      const before = await everythingIn(database, dialect);
      expectRehearsed(await place.run([...RUN, '--sandbox']), EVERYONE);
      const status = JSON.parse((await place.run(['status', '42', '--sandbox', '--json'])).stdout);
      expect(status).toMatchObject({ sandbox: true, total: EVERYONE, sent: EVERYONE, pending: 0 });
      for (const args of [['status'], ['status', '42'], ['report', '42']]) {
        const { code, stdout, stderr } = await place.run([...args, '--sandbox']);
        expect([code, stdout + stderr], args.join(' ')).toEqual([0, expect.stringMatching(/sandbox/i)]);
      }
      const report = await place.run(['report', '42', '--sandbox', '--json']);
      expect(events(report).filter(({ status }) => status === 'sent')).toHaveLength(EVERYONE);
      const verified = await place.run(['verify', '42', '--sandbox', '--json', '--rate', '200']);
      expect(events(verified).at(-1), verified.stderr).toMatchObject({ type: 'verify', match: true, matching: EVERYONE });
      expect(await everythingIn(database, dialect)).toEqual(before);

      const real = JSON.parse((await place.run(['status', '42', '--json'])).stdout);
      expect(real).toMatchObject({ status: 'draft', sent: 0 });
      expect(account.taken).toHaveLength(0);
    });

    it('that is interrupted is resumed there, and begun anew by run', async (test) => {
      const { database, account, place } = await begin(dialect, test);
      const before = await everythingIn(database, dialect);
      const first = await place.run([...RUN, '--sandbox', '--limit', '5']);
      expect(first.code, first.stderr).toBe(6);
      expect(events(first).at(-1)).toMatchObject({ type: 'summary', sandbox: true, sent: 5, next: 'wsend resume 42 --sandbox' });
      const rest = await place.run(['resume', '42', '--sandbox', '--json']);
      expect(rest.code, rest.stderr).toBe(0);
      expect(events(rest).at(-1)).toMatchObject({ type: 'summary', sandbox: true, sent: EVERYONE, pending: 0 });
      const killed = place.start([...RUN, '--sandbox']);
      await killed.tells('sent', 5);
      killed.process.kill('SIGKILL');
      await killed.ended;
      expectRehearsed(await place.run([...RUN, '--sandbox']), EVERYONE);
      expect(await everythingIn(database, dialect)).toEqual(before);
      expect(account.taken).toHaveLength(0);
    });

    it('that is half sent rehearses those who are pending, and the rest is then sent for real', async (test) => {
      const { database, account, place, keys } = await begin(dialect, test);
      const first = await place.run([...RUN, '--limit', '8']);
      expect(first.code, first.stderr).toBe(6);
      const before = [await everythingIn(database, dialect), await keys()];
      expectRehearsed(await place.run([...RUN, '--sandbox']), EVERYONE - 8);
      expect([await everythingIn(database, dialect), await keys()]).toEqual(before);
      expect(account.taken).toHaveLength(8);
      expectSent(await place.run(['resume', '42', '--json']), account);
    });

    if (dialect !== 'sqlite')
      it('may be made by a user who may only read', async (test) => {
        const { database, place } = await begin(dialect, test);
        const user = await limitedUser(dialect, database);
        test.onTestFinished(() => user.drop());
        expectRehearsed(await place.run([...RUN, '--sandbox'], { DATABASE_URL: user.url }), EVERYONE);
      });

    it('from a file: the same file again and again, and then for real', async (test) => {
      const database = await freshDatabase(dialect);
      test.onTestFinished(() => database.drop());
      const { account, place } = await at(database.url, test, STORES.at(-1) ?? 'the database');
      const people = 20;
      place.people(people);
      const before = await everythingIn(database, dialect);
      const file = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--json'];
      for (const _ of [1, 2]) expectRehearsed(await place.run([...file, '--sandbox']), people);
      expect(filesOf(place)).toEqual(['people.csv']);
      expect(await everythingIn(database, dialect)).toEqual(before);
      expectSent(await place.run(file), account, people);
      expect(account.phones()).toEqual(phones(people).sort());
      expectComplaint(await place.run(file.slice(0, -1)), 2, /campaign 1/);
      expect(account.taken).toHaveLength(people);
    });
  });

/** The database as it is now, under another name: everybody must have left it. */
async function copyOf({ url, query }: TestDatabase, dialect: Dialect, { onTestFinished }: TestContext): Promise<string> {
  if (dialect === 'sqlite') {
    const path = url.slice('sqlite:'.length);
    copyFileSync(path, `${path}-copy`);
    return `sqlite:${path}-copy`;
  }
  const copy = new URL(url);
  const original = copy.pathname.slice(1);
  const name = `${original}_${randomBytes(3).toString('hex')}`;
  copy.pathname = `/${name}`;
  if (dialect === 'postgres') {
    await query(`create database ${name} template ${original}`);
    onTestFinished(async () => void (await query(`drop database ${name} with (force)`)));
    return copy.href;
  }
  const tables = await query(`select table_name as name from information_schema.tables where table_schema = '${original}'`);
  const copies = tables.map(
    (table) => `create table ${name}.${table.name} like ${table.name};
    insert into ${name}.${table.name} select * from ${table.name};`,
  );
  await query(`create database ${name} character set utf8mb4; ${copies.join('')}`);
  onTestFinished(async () => void (await query(`drop database ${name}`)));
  return copy.href;
}

/** An account that is not the original's. */
async function another({ onTestFinished }: TestContext, line?: string): Promise<StandIn> {
  const account = await standIn(line);
  onTestFinished(() => account.close());
  account.latency = [20, 120];
  return account;
}

/** Makes the rows of campaign 42, as the operator's platform may: they are then the same in every copy. */
async function makeRows({ query }: TestDatabase): Promise<void> {
  await query(`insert into messages (campaign_id, contact_id, message_type, content, status)
    select distinct 42, c.id, 'message_1', 'School starts on Monday at eight.', 'pending' from contacts c
    join category_contacts cc on cc.contact_id = c.id join campaign_categories k on k.category_id = cc.category_id
    where k.campaign_id = 42 and (c.whatsapp_verified is null or c.whatsapp_verified = true)`);
}

/** Campaign 42 of another database is sent to another account until it is killed in the middle. */
async function sendHalf(place: Place, database: string, account: StandIn): Promise<void> {
  const run = place.start(RUN, { ...account.env, DATABASE_URL: database });
  await run.tells('sent', EVERYONE / 2);
  run.process.kill('SIGKILL');
  await run.ended;
}

/** Three others were sent to before, so that the account's list is known to show what it took. */
async function sendEarlier(place: Place): Promise<void> {
  place.people(3);
  const { code, stderr } = await place.run(['run', '--csv', 'people.csv', '--message', `${EARLIER} {{name}}`, '--json']);
  expect(code, stderr).toBe(0);
}

for (const dialect of DIALECTS)
  for (const store of dialect === 'postgres' ? STORES : STORES.slice(-1))
    describe.concurrent(`a copy of a database in ${dialect}, checkpoints in ${store}`, { timeout: 60_000 }, () => {
      it('is rehearsed: the original is then sent for real', async (test) => {
        const { database, account, place } = await begin(dialect, test, store);
        const copy = await copyOf(database, dialect, test);
        expectRehearsed(await place.run([...RUN, '--sandbox'], { DATABASE_URL: copy }), EVERYONE);
        expect(account.taken).toHaveLength(0);
        expectSent(await place.run(RUN), account);
      });

      it('is sent at another address and killed halfway: the original is sent to everyone at its own, once', async (test) => {
        const { database, account, place } = await begin(dialect, test, store);
        await sendEarlier(place);
        await makeRows(database);
        await sendHalf(place, await copyOf(database, dialect, test), await another(test, account.env.WASSENGER_DEVICE_ID));
        expectSent(await place.run(RUN), account);
      });

      it('is sent on another line and killed halfway: the original is sent to everyone but whom that run had in hand', async (test) => {
        const { database, account, place } = await begin(dialect, test, store);
        await sendEarlier(place);
        await makeRows(database);
        await sendHalf(place, await copyOf(database, dialect, test), await another(test));
        const outcome = await place.run(RUN);
        expect(account.twice()).toHaveLength(0);
        // What is claimed on a line that this key does not see is in doubt: at most as many as can be in flight.
        const { sent, in_doubt, pending, failed } = events(outcome).at(-1) as Record<string, number>;
        const taken = takenNow(account).length;
        expect([sent, pending, failed, Number(sent) + Number(in_doubt)], outcome.stderr).toEqual([taken, 0, 0, EVERYONE]);
        expect(in_doubt).toBeLessThanOrEqual(4);
        expect(outcome.code).toBe(in_doubt === 0 ? 0 : 3);
      });

      it('is sent and killed halfway, and the account of the original has never taken anything: its list proves nothing, so all are in doubt until the operator says that they got nothing', async (test) => {
        const { database, account, place } = await begin(dialect, test, store);
        await makeRows(database);
        await sendHalf(place, await copyOf(database, dialect, test), await another(test, account.env.WASSENGER_DEVICE_ID));
        const asked = await place.run(RUN);
        // With checkpoints in the database nothing of the copy is known here.
        const doubtful = store === 'Redis' ? EVERYONE : 0;
        expect(asked.code, asked.stderr).toBe(doubtful > 0 ? 3 : 0);
        expect(events(asked).at(-1)).toMatchObject({ sent: EVERYONE - doubtful, in_doubt: doubtful, pending: 0, failed: 0 });
        if (doubtful > 0) {
          expect(account.taken).toHaveLength(0);
          await place.run(['reconcile', '42', '--assume', 'absent', '--yes', '--json']);
          expectSent(await place.run(['resume', '42', '--json']), account);
        } else expectSent(asked, account);
      });

      it('of a campaign in the middle is sent on at another address and killed: the original goes on where it was', async (test) => {
        const { database, account, place } = await begin(dialect, test, store);
        const first = await place.run([...RUN, '--limit', '6']);
        expect(first.code, first.stderr).toBe(6);
        const copy = await copyOf(database, dialect, test);
        await sendHalf(place, copy, await another(test, account.env.WASSENGER_DEVICE_ID));
        expectSent(await place.run(['resume', '42', '--json']), account);
      });
    });
