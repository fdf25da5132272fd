import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, type TestContext } from 'vitest';
import { type TcpProxy, tcpProxy } from '../adapters/sql/tcp-proxy.ts';
import { freshDatabase, isAvailable, type TestDatabase } from '../support/databases.ts';
import { redisProgram } from '../support/env.ts';
import { startRedis } from '../support/servers.ts';
import { expectEveryoneOnce, expectTidy } from './expectations.ts';
import { begun, COUNT, expectCarriedOn, expectLost, type Scene } from './mid-run.ts';
import { events, type Place, phones, type Sandbox } from './program.ts';

// A run that is killed while its database is away, and a database that takes no writes for a while. They go side by side.

const SERVERS = [
  ['postgres', 'PostgreSQL'],
  ['mysql', 'MySQL'],
] as const;

interface BehindProxy {
  database: TestDatabase;
  proxy: TcpProxy;
  scene: Scene;
}

async function begin(dialect: 'postgres' | 'mysql', env: Record<string, string>, { onTestFinished }: TestContext): Promise<BehindProxy> {
  const database = await freshDatabase(dialect);
  onTestFinished(() => database.drop());
  const proxy = await tcpProxy(database.url);
  onTestFinished(() => proxy.close());
  const scene = await begun({ DATABASE_URL: proxy.url, ...env });
  onTestFinished(() => scene.place.leave());
  return { database, proxy, scene };
}

/** Killed with outcomes that only the checkpoint has, and refused while the database is away; afterwards nobody twice, nobody forgotten. */
async function expectKeptByCheckpoint({ proxy, scene: { place, sandbox, running }, database }: BehindProxy, server: string): Promise<void> {
  await goesAwayWithCallsInFlight(proxy, sandbox);
  const known = events({ stdout: running.stdout() }).filter(({ type }) => type === 'sent').length;
  await running.tells('sent', known + 1);
  running.process.kill('SIGKILL');
  const killed = await running.ended;
  await sandbox.set({ latency: '5' });
  const told = events(killed).filter(({ type }) => type === 'sent').length;
  const [written] = await database.query("select count(*) as n from messages where status = 'sent'");
  expect(Number(written?.n)).toBeLessThan(told);

  await expectRefused(place, server);
  await proxy.set('up');
  await expectEveryoneOnce(place, sandbox, phones(COUNT));
}

/** Killed while it could tell nobody what was answered: the claims are in the database, and whom they name is looked up. */
async function expectLookedUp({ proxy, scene: { place, sandbox, running } }: BehindProxy, server: string): Promise<void> {
  await goesAwayWithCallsInFlight(proxy, sandbox);
  const told = () => events({ stdout: running.stdout() }).filter(({ type }) => type === 'sent').length;
  const before = told();
  await running.says('"reason":"checkpoint"');
  // They have been answered by now, and that is told only once it is durable.
  await sleep(5_000);
  expect(told()).toBe(before);
  running.process.kill('SIGKILL');
  await running.ended;
  await sandbox.set({ latency: '5' });

  await expectRefused(place, server);
  await proxy.set('up');
  const status = JSON.parse((await place.run(['status', '1', '--json'])).stdout);
  expect(status.sent).toBeLessThanOrEqual((await sandbox.accepted()).length - IN_FLIGHT);
  await expectEveryoneOnce(place, sandbox, phones(COUNT));
}

/** So many calls at least are answered only when the database is gone. */
const IN_FLIGHT = 3;

async function goesAwayWithCallsInFlight(proxy: TcpProxy, sandbox: Sandbox): Promise<void> {
  await sandbox.set({ latency: '4000' });
  const before = (await sandbox.accepted()).length;
  while ((await sandbox.accepted()).length < before + IN_FLIGHT) await sleep(10);
  await proxy.set('down');
}

async function expectRefused(place: Place, server: string): Promise<void> {
  const early = await place.run(['resume', '1']);
  expect(early.code, early.stderr).toBe(1);
  expect(early.stderr).toMatch(new RegExp(`^wsend: cannot reach ${server} at 127\\.0\\.0\\.1:\\d+ \\(`, 'm'));
  expectTidy(early);
}

describe.concurrent('the database in mid-run', { timeout: 150_000 }, () => {
  for (const [dialect, server] of SERVERS) {
    if (!isAvailable(dialect)) continue;
    it(`${server} goes away and the run is killed: whom it had in flight the next run looks up`, async (test) => {
      await expectLookedUp(await begin(dialect, {}, test), server);
    });

    if (redisProgram)
      it(`${server} goes away and the run is killed: the outcomes that only Redis has are written by the next`, async (test) => {
        const redis = await startRedis();
        test.onTestFinished(() => redis.stop());
        await expectKeptByCheckpoint(await begin(dialect, { REDIS_URL: redis.url }, test), server);
      });
  }

  if (isAvailable('postgres')) {
    it('PostgreSQL becomes read-only for some seconds: the run waits and goes on', async (test) => {
      const { database, scene } = await begin('postgres', { WASSENGER_RATE_LIMIT_SECONDS: '0.1' }, test);
      await setReadOnly(database, true);
      await scene.running.says(/closed the connection|is read-only/);
      await sleep(2_000);
      await setReadOnly(database, false);
      await expectCarriedOn(scene);
    });

    for (const store of ['the database', ...(redisProgram ? ['Redis'] : [])])
      it(`PostgreSQL becomes read-only for good: after a minute the run ends, and the next goes on with what ${store} holds`, async (test) => {
        const redis = store === 'Redis' ? await startRedis() : null;
        test.onTestFinished(() => redis?.stop());
        const env = { WASSENGER_RATE_LIMIT_SECONDS: '0.1', ...(redis === null ? {} : { REDIS_URL: redis.url }) };
        const { database, scene } = await begin('postgres', env, test);
        const before = (await scene.sandbox.accepted()).length;
        await setReadOnly(database, true);
        const readOnlyAt = Date.now();
        const outcome = await scene.running.ended;
        expect(Date.now() - readOnlyAt).toBeGreaterThan(50_000);
        const { sent, pending } = events(outcome).at(-1) as { sent: number; pending: number };
        expect(pending).toBeGreaterThan(0);
        const [written] = await database.query("select count(*) as n from messages where status = 'sent'");
        const early = await scene.place.run(['resume', '1']);
        expect([early.code, early.stderr]).toEqual([1, expect.stringMatching(/^wsend: PostgreSQL at 127\.0\.0\.1:\d+ is read-only$/m)]);
        const accepted = (await scene.sandbox.accepted()).length;
        if (redis === null) {
          // Nobody whose claim could not be noted.
          expect(accepted - before).toBeLessThan(10);
          expect(accepted - sent).toBeLessThanOrEqual(4);
        } else {
          expect(Number(written?.n)).toBeLessThan(sent);
          expect(accepted).toBe(sent);
        }
        await setReadOnly(database, false);
        await expectLost(scene, outcome, /^PostgreSQL at 127\.0\.0\.1:\d+ is read-only$/);
      });
  }
});

/** For all that connect from now on; those that are connected are cut off. */
async function setReadOnly(database: TestDatabase, readOnly: boolean): Promise<void> {
  const set = `alter database %I set default_transaction_read_only = ${readOnly ? 'on' : 'off'}`;
  await database.query(`begin read write; do $$ begin execute format('${set}', current_database()); end $$; commit`);
  await database.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  );
}
