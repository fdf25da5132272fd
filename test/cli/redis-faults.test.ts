import { copyFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, it, type TestContext } from 'vitest';
import { redisProgram } from '../support/env.ts';
import { type RunningRedis, startRedis } from '../support/servers.ts';
import { expectEveryoneOnce, expectSum, expectTidy } from './expectations.ts';
import { begun, COUNT, expectCarriedOn, expectLost, type Scene } from './mid-run.ts';
import { events, phones } from './program.ts';

// A Redis that restarts, forgets or is full in the middle of a run. Each waits far more than it computes, so they go side by side.

describe.runIf(redisProgram).concurrent('Redis in mid-run', { timeout: 150_000 }, () => {
  const begin = async (
    { onTestFinished }: TestContext,
    settings: string[] = [],
  ): Promise<{ redis: RunningRedis; admin: Redis; scene: Scene }> => {
    const redis = await startRedis(settings);
    const admin = new Redis(redis.url, { retryStrategy: () => 50 });
    admin.on('error', () => undefined);
    onTestFinished(async () => {
      admin.disconnect();
      await redis.stop();
    });
    const scene = await begun({ REDIS_URL: redis.url });
    onTestFinished(() => scene.place.leave());
    return { redis, admin, scene };
  };

  it('it is killed and started again with its append-only file: the run goes on as if nothing had been', async (test) => {
    const { redis, scene } = await begin(test, ['--appendonly', 'yes']);
    await redis.kill();
    await scene.running.tells('rest');
    await redis.restart();
    await expectCarriedOn(scene);
  });

  it('it and the run are killed together, and it has its append-only file: nobody twice, nobody forgotten', async (test) => {
    const { redis, scene } = await begin(test, ['--appendonly', 'yes']);
    scene.running.process.kill('SIGKILL');
    await redis.restart();
    await scene.running.ended;
    await expectEveryoneOnce(scene.place, scene.sandbox, phones(COUNT));
  });

  it('it is full for some seconds: the run waits for room and goes on', async (test) => {
    const { admin, scene } = await begin(test);
    await admin.config('SET', 'maxmemory', '1');
    await scene.running.tells('rest');
    await sleep(1_000);
    await admin.config('SET', 'maxmemory', '0');
    await expectCarriedOn(scene);
  });

  it('it stays full: the run ends and says so, and goes on once there is room', async (test) => {
    const { admin, scene } = await begin(test);
    await admin.config('SET', 'maxmemory', '1');
    const outcome = await scene.running.ended;
    await admin.config('SET', 'maxmemory', '0');
    await expectLost(scene, outcome, /^Redis at 127\.0\.0\.1:\d+ is full \(maxmemory\), so the checkpoint cannot be written$/);
  });

  /** Redis becomes what it was at `SAVE`, as after a fail-over to a replica that was behind. */
  const goBack = async ({ redis, admin }: { redis: RunningRedis; admin: Redis }) => {
    const [, folder] = (await admin.config('GET', 'dir')) as [string, string];
    copyFileSync(`${folder}/saved.rdb`, `${folder}/dump.rdb`);
    await redis.restart();
  };
  const save = async (admin: Redis) => {
    const [, folder] = (await admin.config('GET', 'dir')) as [string, string];
    await admin.save();
    copyFileSync(`${folder}/dump.rdb`, `${folder}/saved.rdb`);
  };

  const sentBy = ({ running }: Scene) => events({ stdout: running.stdout() }).filter(({ type }) => type === 'sent').length;

  it('a fail-over forgets the last moment while the run goes on: it stops, and nobody gets it twice', async (test) => {
    const { redis, admin, scene } = await begin(test);
    await save(admin);
    await scene.running.tells('sent', sentBy(scene) + 2);
    await goBack({ redis, admin });
    const outcome = await scene.running.ended;
    expect(outcome.code, outcome.stderr).toBe(7);
    expect(outcome.stderr).toContain('went back to an earlier state');
    expectTidy(outcome);
    expectSum(events(outcome).at(-1) ?? {});
    await expectEveryoneOnce(scene.place, scene.sandbox, phones(COUNT));
  });

  it('a fail-over forgets the last moment and the run is killed with it: whom it may have sent to is looked up', async (test) => {
    const { redis, admin, scene } = await begin(test);
    // Less than half a second before both die, so that the database has not heard either.
    await save(admin);
    await scene.running.tells('sent', sentBy(scene) + 6);
    scene.running.process.kill('SIGKILL');
    await goBack({ redis, admin });
    await scene.running.ended;
    await expectEveryoneOnce(scene.place, scene.sandbox, phones(COUNT));
  });
});
