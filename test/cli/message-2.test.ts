import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { freshDatabase, isAvailable } from '../support/databases.ts';
import { redisProgram } from '../support/env.ts';
import { freePort, startRedis } from '../support/servers.ts';
import { events, Place, phones, QUICK, type Started } from './program.ts';

const SECRET = 'a-secret-that-nobody-guesses';
const PEOPLE = 12;
const CONTACT = ['reply=1', 'reply-after=50-400', 'event-repeat=40%', 'delivered=1', 'delivered-after=20', 'lookup-delay=200'];

describe('Message 2 while its campaign is sent, by a listener that is killed', { timeout: 150_000 }, () => {
  for (const dialect of ['sqlite', 'postgres', 'mysql'] as const)
    for (const store of ['the database', 'Redis'] as const) {
      if (!isAvailable(dialect) || (store === 'Redis' && !redisProgram)) continue;
      it(`goes once to each who replied (${dialect}, checkpoints in ${store})`, async (test) => {
        const database = await freshDatabase(dialect);
        const redis = store === 'Redis' ? await startRedis() : null;
        const port = await freePort();
        const place = new Place({
          ...QUICK,
          WASSENGER_RATE_LIMIT_SECONDS: '0.1',
          WASSENGER_WEBHOOK_SECRET: SECRET,
          DATABASE_URL: database.url,
          ...(redis === null ? {} : { REDIS_URL: redis.url }),
        });
        test.onTestFinished(async () => {
          await place.leave();
          await redis?.stop();
          await database.drop();
        });
        const webhook = ['--webhook', `http://127.0.0.1:${port}/webhooks/wassenger/${SECRET}`];
        const sandbox = await place.sandboxWith(['--port', '0', ...webhook, ...CONTACT.flatMap((fault) => ['--fault', fault])]);
        place.people(PEOPLE);

        const listen = async (at: number): Promise<Started> => {
          const program = place.start(['listen', '--port', String(at), '--json']);
          await program.says('"listening"');
          return program;
        };
        let listener = await listen(port);
        const beside = await listen(0);
        const messages = ['--message', 'Hello {{name}}', '--message-2', 'Thanks {{name}}'];
        const run = place.start(['run', '--csv', 'people.csv', ...messages, '--yes', '--json']);
        for (const after of [700, 500]) {
          await run.says('"type":"sent"');
          await wait(after);
          listener.process.kill('SIGKILL');
          await listener.ended;
          listener = await listen(port);
        }
        expect(await run.ended).toMatchObject({ code: 0 });

        const sent = `select count(*) as n from messages where message_type = 'message_2' and status <> 'pending'`;
        const settled = async () => Number((await database.query(sent))[0]?.n);
        await expect.poll(settled, { timeout: 100_000, interval: 200 }).toBe(PEOPLE);
        const accepted = await sandbox.accepted();
        expect(
          accepted
            .filter(({ message }) => message.startsWith('Hello'))
            .map(({ phone }) => phone)
            .sort(),
        ).toEqual(phones(PEOPLE));
        expect(
          accepted
            .filter(({ message }) => message.startsWith('Thanks'))
            .map(({ phone }) => phone)
            .sort(),
        ).toEqual(phones(PEOPLE));
        expect(new Set(accepted.map(({ reference }) => reference)).size).toBe(2 * PEOPLE);
        for (const program of [listener, beside]) program.process.kill('SIGTERM');
        expect([(await listener.ended).code, (await beside.ended).code]).toEqual([143, 143]);

        const verify = async () => events(await place.run(['verify', '1', '--json', '--rate', '200'])).at(-1);
        expect(await verify()).toMatchObject({ match: true, total: 2 * PEOPLE, matching: 2 * PEOPLE });
        const [second] = await database.query(`select max(id) as id from messages where message_type = 'message_2'`);
        await database.query(`update messages set status = 'pending' where id = ${Number(second?.id)}`);
        expect(await verify()).toMatchObject({ match: false, matching: 2 * PEOPLE - 1, extra: 1 });
      });
    }
});

it('a pause asked for while a run sends Message 2 ends both, and is told once', { timeout: 60_000 }, async (test) => {
  const port = await freePort();
  const place = new Place({ ...QUICK, WASSENGER_RATE_LIMIT_SECONDS: '0.5', WASSENGER_WEBHOOK_SECRET: SECRET });
  test.onTestFinished(() => place.leave());
  const webhook = ['--webhook', `http://127.0.0.1:${port}/webhooks/wassenger/${SECRET}`, '--fault', 'reply=1', '--fault', 'reply-after=50'];
  await place.sandboxWith(['--port', '0', ...webhook]);
  place.people(40);
  const listener = place.start(['listen', '--port', String(port), '--json']);
  await listener.says('"listening"');
  const run = place.start(['run', '--csv', 'people.csv', '--message', 'Hello', '--message-2', 'Thanks', '--yes', '--json']);
  await run.says('"reason":"message_2"');
  expect((await place.run(['pause', '1'])).stdout).toBe('Campaign 1 is paused. Next: wsend resume 1\n');
  const outcome = await run.ended;
  expect(outcome.code, outcome.stderr).toBe(6);
  expect(events(outcome).filter(({ type }) => type === 'paused')).toMatchObject([{ campaign: 1, reason: 'pause' }]);
});

it('a run that sends Message 2 every few seconds leaves nothing behind of those before', { timeout: 120_000 }, async (test) => {
  const people = 56;
  const port = await freePort();
  const place = new Place({ ...QUICK, WASSENGER_RATE_LIMIT_SECONDS: '0.6', WASSENGER_WEBHOOK_SECRET: SECRET });
  test.onTestFinished(() => place.leave());
  const replies = [
    '--webhook',
    `http://127.0.0.1:${port}/webhooks/wassenger/${SECRET}`,
    '--fault',
    'reply=0.5',
    '--fault',
    'reply-after=50',
  ];
  await place.sandboxWith(['--port', '0', ...replies]);
  place.people(people);
  const listener = place.start(['listen', '--port', String(port), '--json']);
  await listener.says('"listening"');
  const texts = ['--message', 'Hello {{name}}', '--message-2', 'Thanks {{name}}'];
  const run = await place.run(['run', '--csv', 'people.csv', ...texts, '--yes', '--json']);
  expect(run.code, run.stderr).toBe(0);
  const times = events(run).filter(({ type, reason }) => type === 'rest' && reason === 'message_2').length;
  expect(times).toBeGreaterThan(10);
  // Node warns of the eleventh listener on one signal.
  expect(run.stderr).not.toContain('Warning');
  listener.process.kill('SIGTERM');
  expect((await listener.ended).code).toBe(143);
});
