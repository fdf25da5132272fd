import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, type TestContext } from 'vitest';
import { isAvailable, type TestDatabase } from '../support/databases.ts';
import { redisProgram } from '../support/env.ts';
import { createExistingDatabase, EXISTING } from '../support/existing-database.ts';
import { startRedis } from '../support/servers.ts';
import { type StandIn, standIn } from '../support/stand-in.ts';
import { expectSum, expectTidy } from './expectations.ts';
import { events, type Outcome, Place, phones, QUICK, type Started } from './program.ts';

// Two processes with one database whose checkpoints are in different places: who may send is known by the database alone.

const SECRET = 'a-secret-that-nobody-guesses';
const PACE = { ...QUICK, WASSENGER_RATE_LIMIT_SECONDS: '0.1', WASSENGER_LOOKUP_SECONDS: '0.5' };
const RUN = ['run', '--campaign', '42', '--json'];
/** The campaign takes 6 s: whoever waits a little for the other to be gone still finds it sending. */
const SLOWLY = ['--delay', '0.25'];
const EVERYONE = EXISTING.recipients;

type Env = Record<string, string>;

interface Scene {
  database: TestDatabase;
  account: StandIn;
  place: Place;
  /** Where each of the two keeps its checkpoint. */
  stores: [Env, Env];
}

/** `none` is no Redis: the checkpoint is in the database. */
type Split = ['redis', 'none'] | ['none', 'redis'] | ['redis', 'redis'];

async function begin(dialect: 'sqlite' | 'postgres' | 'mysql', split: Split, { onTestFinished }: TestContext): Promise<Scene> {
  const database = await createExistingDatabase(dialect);
  onTestFinished(() => database.drop());
  const account = await standIn();
  onTestFinished(() => account.close());
  const [first, second] = await Promise.all(
    split.map(async (store): Promise<Env> => {
      if (store === 'none') return { REDIS_URL: '' };
      const redis = await startRedis();
      onTestFinished(() => redis.stop());
      return { REDIS_URL: redis.url };
    }),
  );
  const place = new Place({ ...PACE, ...account.env, DATABASE_URL: database.url, WASSENGER_WEBHOOK_SECRET: SECRET });
  onTestFinished(() => place.leave());
  return { database, account, place, stores: [first as Env, second as Env] };
}

function expectFinished(outcome: Outcome, account: StandIn): void {
  expect(account.twice()).toHaveLength(0);
  expect(outcome.code, outcome.stderr).toBe(0);
  expectTidy(outcome);
  const counts = { total: EVERYONE, sent: EVERYONE, failed: 0, pending: 0, in_doubt: 0, skipped: 0 };
  expect(events(outcome).at(-1)).toMatchObject({ type: 'summary', ...counts });
  expect(account.taken).toHaveLength(EVERYONE);
}

const SPLITS: [words: string, Split][] = [
  ['the database and a Redis', ['none', 'redis']],
  ['two Redis', ['redis', 'redis']],
];

for (const dialect of (['sqlite', 'postgres', 'mysql'] as const).filter(isAvailable))
  for (const [words, split] of SPLITS.slice(0, dialect === 'sqlite' ? 2 : 1)) {
    describe.runIf(redisProgram).concurrent(`${dialect}, with checkpoints in ${words}`, { timeout: 60_000 }, () => {
      it('of two runs that start together one sends, to everyone once, and the other is told who holds the campaign', async (test) => {
        const { account, place, stores } = await begin(dialect, split, test);
        const outcomes = await Promise.all(stores.map((store) => place.run([...RUN, ...SLOWLY], store)));
        const [done, held] = outcomes.sort((a, b) => (a.code ?? 0) - (b.code ?? 0)) as [Outcome, Outcome];
        expectFinished(done, account);
        expect(held.code, held.stderr).toBe(7);
        expectTidy(held);
        expect(JSON.parse(held.stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({
          type: 'error',
          code: 7,
          message: expect.stringMatching(/campaign 42|the line/),
        });
        expect(events(held)).toEqual([]);
      });

      it('a run begun while another sends is refused, whichever of the two places it keeps its checkpoint in', async (test) => {
        const { account, place, stores } = await begin(dialect, split, test);
        const first = place.start([...RUN, ...SLOWLY], stores[0]);
        await first.tells('sent', 3);
        const second = await place.run(['resume', '42', '--json'], stores[1]);
        expect(second.code, second.stderr).toBe(7);
        expectFinished(await first.ended, account);
      });

      it('runs that are killed by turns, each resumed at once with the other place, write to everyone once', async (test) => {
        const { account, place, stores } = await begin(dialect, split, test);
        account.latency = [20, 120];
        for (const store of [...stores, ...stores]) {
          const run = place.start(RUN, store);
          await run.tells('sent', 3);
          run.process.kill('SIGKILL');
          expectSum(JSON.parse((await place.run(['status', '42', '--json'], store)).stdout));
        }
        expectFinished(await place.run(['resume', '42', '--json'], stores[0]), account);
      });

      it('two listeners, both told of every reply, send one Message 2 to each', async (test) => {
        const { expect } = test;
        const people = 24;
        const { account, database, place, stores } = await begin(dialect, split, test);
        place.people(people);
        const texts = ['--message', 'Hello {{name}}', '--message-2', 'Thanks {{name}}'];
        const run = await place.run(['run', '--csv', 'people.csv', ...texts, '--json'], stores[0]);
        expect(run.code, run.stderr).toBe(0);
        const listeners = await Promise.all(stores.map((store) => listen(place, store)));
        for (const phone of phones(people)) {
          const body = JSON.stringify(account.incoming(phone));
          const answers = await Promise.all(listeners.map(({ webhook }) => post(webhook, body)));
          expect(answers).toEqual([200, 200]);
        }
        const open = `select count(*) as n from messages where message_type = 'message_2' and status = 'sent'`;
        await expect.poll(async () => Number((await database.query(open))[0]?.n), { timeout: 40_000, interval: 100 }).toBe(people);
        // Who is about to send once more has had the time to.
        await sleep(1_000);
        for (const { program } of listeners) program.process.kill('SIGTERM');
        for (const { program } of listeners) expect((await program.ended).code, program.stderr()).toBe(143);
        expect(account.twice('Thanks')).toHaveLength(0);
        expect(account.phones('Thanks')).toEqual(phones(people).sort());
        expect(account.phones('Hello')).toEqual(phones(people).sort());
      });
    });
  }

async function listen(place: Place, store: Env): Promise<{ program: Started; webhook: string }> {
  const program = place.start(['listen', '--port', '0', '--json'], store);
  await program.says(/"listening".*\n/);
  const { url } = JSON.parse(program.stdout().split('\n')[0] ?? '') as { url: string };
  return { program, webhook: `${url}/webhooks/wassenger/${SECRET}` };
}

async function post(url: string, body: string): Promise<number> {
  return (await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })).status;
}
