import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, type TestContext } from 'vitest';
import { type TcpProxy, tcpProxy } from '../adapters/sql/tcp-proxy.ts';
import { freshDatabase, isAvailable, type TestDatabase } from '../support/databases.ts';
import { redisProgram } from '../support/env.ts';
import { startRedis } from '../support/servers.ts';
import { expectEveryoneOnce, expectTidy } from './expectations.ts';
import { begun, COUNT, expectCarriedOn, expectLost, type Scene } from './mid-run.ts';
import { events, phones } from './program.ts';

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
  // With its lock in the database gone it sends nothing more; what is in flight is answered when only the checkpoint can be told.
  await sandbox.set({ latency: '4000' });
  const before = (await sandbox.accepted()).length;
  while ((await sandbox.accepted()).length < before + 3) await sleep(10);
  await proxy.set('down');
  const known = events({ stdout: running.stdout() }).filter(({ type }) => type === 'sent').length;
  await running.tells('sent', known + 1);
  running.process.kill('SIGKILL');
  const killed = await running.ended;
  await sandbox.set({ latency: '5' });
  const told = events(killed).filter(({ type }) => type === 'sent').length;
  const [written] = await database.query("select count(*) as n from messages where status = 'sent'");
  expect(Number(written?.n)).toBeLessThan(told);

  const early = await place.run(['resume', '1']);
  expect(early.code, early.stderr).toBe(1);
  expect(early.stderr).toMatch(new RegExp(`^wsend: cannot reach ${server} at 127\\.0\\.0\\.1:\\d+ \\(`, 'm'));
  expectTidy(early);
  await proxy.set('up');
  await expectEveryoneOnce(place, sandbox, phones(COUNT));
}

describe.concurrent('the database in mid-run', { timeout: 150_000 }, () => {
  for (const [dialect, server] of SERVERS) {
    if (!isAvailable(dialect)) continue;
    it(`${server} goes away and the run is killed: the outcomes that only the embedded store has are written by the next`, async (test) => {
      await expectKeptByCheckpoint(await begin(dialect, {}, test), server);
    });
  }

  if (isAvailable('postgres') && redisProgram)
    it('PostgreSQL goes away and the run is killed: the outcomes that only Redis has are written by the next', async (test) => {
      const redis = await startRedis();
      test.onTestFinished(() => redis.stop());
      await expectKeptByCheckpoint(await begin('postgres', { REDIS_URL: redis.url }, test), 'PostgreSQL');
    });

  if (isAvailable('postgres')) {
    it('PostgreSQL becomes read-only for some seconds: the run waits and goes on', async (test) => {
      const { database, scene } = await begin('postgres', { WASSENGER_RATE_LIMIT_SECONDS: '0.1' }, test);
      await setReadOnly(database, true);
      await scene.running.says(/closed the connection|is read-only/);
      await sleep(2_000);
      await setReadOnly(database, false);
      await scene.running.says('the database answers again');
      await expectCarriedOn(scene);
    });

    it('PostgreSQL becomes read-only for good: after a minute the run ends, and the next writes the rows that the checkpoint holds', async (test) => {
      const { database, scene } = await begin('postgres', { WASSENGER_RATE_LIMIT_SECONDS: '0.1' }, test);
      await setReadOnly(database, true);
      const readOnlyAt = Date.now();
      const outcome = await scene.running.ended;
      expect(Date.now() - readOnlyAt).toBeGreaterThan(50_000);
      const { sent, pending } = events(outcome).at(-1) as { sent: number; pending: number };
      expect(pending).toBeGreaterThan(0);
      const [written] = await database.query("select count(*) as n from messages where status = 'sent'");
      expect(Number(written?.n)).toBeLessThan(sent);
      const early = await scene.place.run(['resume', '1']);
      expect([early.code, early.stderr]).toEqual([1, expect.stringMatching(/^wsend: PostgreSQL at 127\.0\.0\.1:\d+ is read-only$/m)]);
      expect(await scene.sandbox.accepted()).toHaveLength(sent);
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
