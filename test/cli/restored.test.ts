import { copyFileSync, rmSync } from 'node:fs';
import { describe, expect, it, type TestContext } from 'vitest';
import { isAvailable, type TestDatabase } from '../support/databases.ts';
import { redisProgram } from '../support/env.ts';
import { createExistingDatabase, EXISTING } from '../support/existing-database.ts';
import { startRedis } from '../support/servers.ts';
import { type StandIn, standIn } from '../support/stand-in.ts';
import { expectComplaint, expectTidy } from './expectations.ts';
import { events, type Outcome, Place, QUICK } from './program.ts';

// A backup of the database is put back, and the Redis knows more than it.

const PACE = { ...QUICK, WASSENGER_RATE_LIMIT_SECONDS: '0.03', WASSENGER_LOOKUP_SECONDS: '0.5' };
type Dialect = 'sqlite' | 'postgres' | 'mysql';

const EVERYONE = EXISTING.recipients;
const RUN = ['run', '--campaign', '42', '--json'];
const RESUME = ['resume', '42', '--json'];

interface Scene {
  database: TestDatabase;
  account: StandIn;
  place: Place;
}

/** Campaign 42, whose rows are still to be made from its categories. */
async function begin(dialect: Dialect, { onTestFinished }: TestContext): Promise<Scene> {
  const database = await createExistingDatabase(dialect);
  onTestFinished(() => database.drop());
  const account = await standIn();
  onTestFinished(() => account.close());
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const place = new Place({ ...PACE, ...account.env, DATABASE_URL: database.url, REDIS_URL: redis.url });
  onTestFinished(() => place.leave());
  return { database, account, place };
}

/** Keeps what is in the database, nobody being connected; what it resolves to puts that back. */
async function backup({ url, query }: TestDatabase, dialect: Dialect, { onTestFinished }: TestContext): Promise<() => Promise<void>> {
  if (dialect === 'sqlite') {
    const path = url.slice('sqlite:'.length);
    copyFileSync(path, `${path}.backup`);
    return async () => {
      for (const beside of ['-wal', '-shm']) rmSync(`${path}${beside}`, { force: true });
      copyFileSync(`${path}.backup`, path);
    };
  }
  const kept = `${new URL(url).pathname.slice(1)}_backup`;
  const own = dialect === 'postgres' ? 'public' : new URL(url).pathname.slice(1);
  const names = async () => {
    const tables = await query(`select table_name as name from information_schema.tables where table_schema = '${own}'`);
    return tables.map(({ name }) => String(name));
  };
  if (dialect === 'postgres') {
    await query(`create schema ${kept}`);
    const before = await names();
    for (const name of before) await query(`create table ${kept}.${name} as table public.${name}`);
    return () => putBack(before, (name) => `insert into public.${name} overriding system value select * from ${kept}.${name}`);
  }
  onTestFinished(async () => void (await query(`drop database ${kept}`)));
  await query(`create database ${kept} character set utf8mb4`);
  const before = await names();
  for (const name of before) await query(`create table ${kept}.${name} as select * from ${name}`);
  return () => putBack(before, (name) => `insert into ${name} select * from ${kept}.${name}`);

  /** The tables that are new are dropped, the others get their rows as they were. */
  async function putBack(before: string[], filled: (name: string) => string): Promise<void> {
    const fresh = (await names()).filter((name) => !before.includes(name));
    const statements = [
      dialect === 'postgres' ? `set session_replication_role = replica` : 'set foreign_key_checks = 0',
      ...fresh.map((name) => `drop table ${name}${dialect === 'postgres' ? ' cascade' : ''}`),
      ...before.map((name) => `delete from ${name}`),
      ...before.map(filled),
    ];
    await query(statements.join('; '));
  }
}

/** Sends to the end, or until it is killed in the middle. */
async function send(place: Place, args: string[], how: 'killed' | 'finished'): Promise<void> {
  const run = place.start(args);
  if (how === 'killed') {
    await run.tells('sent', 8);
    run.process.kill('SIGKILL');
  }
  const { code, stderr } = await run.ended;
  expect(code, stderr).toBe(how === 'killed' ? null : 0);
}

function expectEachOnce(outcome: Outcome, account: StandIn): void {
  expect(account.twice()).toHaveLength(0);
  expect(account.taken).toHaveLength(EVERYONE);
  expect(outcome.code, outcome.stderr).toBe(0);
  expectTidy(outcome);
  expect(events(outcome).at(-1)).toMatchObject({ type: 'summary', total: EVERYONE, sent: EVERYONE, pending: 0, in_doubt: 0 });
}

for (const dialect of (['sqlite', 'postgres', 'mysql'] as const).filter(isAvailable))
  describe.runIf(redisProgram).concurrent(`a restored database in ${dialect}, its Redis kept`, { timeout: 60_000 }, () => {
    for (const how of ['killed', 'finished'] as const)
      it(`from before a campaign, now ${how}, had its rows: it is refused, and nobody is written to again`, async (test) => {
        const { database, account, place } = await begin(dialect, test);
        const restore = await backup(database, dialect, test);
        await send(place, RUN, how);
        await restore();
        // Other rows have been made since: those of the campaign would be made anew with other ids.
        await database.query(`insert into messages (id, campaign_id, contact_id, message_type, content, status)
          values (5000, 41, 28, 'message_1', 'The fair is on Saturday.', 'sent')`);
        if (dialect === 'postgres') await database.query(`select setval('messages_id_seq', 5000)`);

        const before = account.taken.length;
        for (const args of [
          ['run', '--campaign', '42'],
          ['resume', '42'],
        ]) {
          const outcome = await place.run(args);
          expect(account.taken).toHaveLength(before);
          expectComplaint(outcome, 2, /^wsend: .*campaign 42/m);
        }
        const rows = await database.query('select id from messages where campaign_id = 42');
        const [campaign] = await database.query('select status, total_recipients from campaigns where id = 42');
        expect([rows, campaign]).toEqual([[], { status: 'draft', total_recipients: 0 }]);
      });

    for (const how of ['killed', 'finished'] as const)
      it(`from the middle of a campaign, now ${how}: everyone gets it once`, async (test) => {
        const { database, account, place } = await begin(dialect, test);
        expect((await place.run([...RUN, '--limit', '6'])).code).toBe(6);
        const restore = await backup(database, dialect, test);
        await send(place, RESUME, how);
        await restore();
        expectEachOnce(await place.run(RESUME), account);
      });
  });
