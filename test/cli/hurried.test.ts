import { describe, expect, it, type TestContext } from 'vitest';
import { tcpProxy } from '../adapters/sql/tcp-proxy.ts';
import { freshDatabase, isAvailable } from '../support/databases.ts';
import { redisProgram } from '../support/env.ts';
import { startRedis } from '../support/servers.ts';
import { expectEveryoneOnce, expectSum, expectTidy } from './expectations.ts';
import { events, Place, phones, QUICK } from './program.ts';

// Somebody presses Ctrl-C while the database is away: nobody waits a minute for it, and nothing is lost.

const COUNT = 80;
const RUN = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--json'];

const cases = (['postgres', 'mysql'] as const)
  .filter(isAvailable)
  .flatMap((dialect) => (['down', 'silent'] as const).map((state) => [dialect, state] as const));

describe.concurrent('one Ctrl-C while the database is away', { timeout: 180_000 }, () => {
  for (const [dialect, state] of cases) {
    it(`(${dialect}, ${state}): ends within seconds with 130, and the next resume writes what the checkpoint kept`, async (test) => {
      const { place, proxy, sandbox } = await begin(dialect, test);
      const run = place.start(RUN);
      await run.tells('sent', 10);
      await proxy.set(state);
      if (state === 'down') await run.says('cannot reach');
      const told = run.stdout().split('"type":"sent"').length - 1;
      const pressed = Date.now();
      run.process.kill('SIGINT');
      const outcome = await run.ended;
      const took = Date.now() - pressed;
      expect([outcome.code, took < 20_000], `${outcome.stderr}\n${took} ms`).toEqual([130, true]);
      expect(outcome.stderr).toContain('the next resume settles what is not recorded yet');
      expectTidy(outcome);
      const summary = events(outcome).at(-1) as Record<string, unknown>;
      expect(summary).toMatchObject({ type: 'summary', exit_code: 130, next: 'wsend resume 1' });
      expect(Number(summary.sent)).toBeGreaterThanOrEqual(told);
      expectSum(summary);
      await proxy.set('up');
      await expectEveryoneOnce(place, sandbox, phones(COUNT));
    });
  }
});

async function begin(dialect: 'postgres' | 'mysql', { onTestFinished }: TestContext) {
  const database = await freshDatabase(dialect);
  const proxy = await tcpProxy(database.url);
  const redis = redisProgram && dialect === 'mysql' ? await startRedis() : undefined;
  const place = new Place({
    ...QUICK,
    WASSENGER_RATE_LIMIT_SECONDS: '0.1',
    DATABASE_URL: proxy.url,
    ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
  });
  onTestFinished(async () => {
    await place.leave();
    await proxy.close();
    await redis?.stop();
    await database.drop();
  });
  place.people(COUNT);
  return { place, proxy, sandbox: await place.sandbox('latency=5-60') };
}
