import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, type TestContext } from 'vitest';
import { type TcpProxy, tcpProxy } from '../adapters/sql/tcp-proxy.ts';
import { freshDatabase, isAvailable } from '../support/databases.ts';
import { redisProgram } from '../support/env.ts';
import { type RunningRedis, startRedis } from '../support/servers.ts';
import { expectEveryoneOnce, expectSum, expectTidy } from './expectations.ts';
import { begun, COUNT, expectCarriedOn, expectLost, LATENCY, PACE, RUN, type Scene } from './mid-run.ts';
import { events, type Outcome, Place, phones } from './program.ts';

// What a run needs goes away in the middle of it. Each waits far more than it computes, so they go side by side.

describe.concurrent('in mid-run', { timeout: 240_000 }, () => {
  for (const [dialect, server] of [
    ['postgres', 'PostgreSQL'],
    ['mysql', 'MySQL'],
  ] as const) {
    if (!isAvailable(dialect)) continue;
    const behindProxy = async (finished: TestContext['onTestFinished'], env: Record<string, string> = {}) => {
      const database = await freshDatabase(dialect);
      const proxy = await tcpProxy(database.url);
      // Slow enough to be still sending when outcomes have been unwritten for so long that it must not send more.
      const scene = await begun({ DATABASE_URL: proxy.url, WASSENGER_RATE_LIMIT_SECONDS: '0.1', ...env });
      finished(async () => {
        await scene.place.leave();
        await proxy.close();
        await database.drop();
      });
      return { database, proxy, scene };
    };

    it(`${server} goes away for good: nothing is sent that it could not note, and after a minute the run ends`, async ({
      onTestFinished,
    }) => {
      const { proxy, scene } = await behindProxy(onTestFinished);
      await proxy.set('down');
      const before = (await scene.sandbox.accepted()).length;
      const outcome = await endsAfterAMinute(scene);
      await proxy.set('up');
      // Those whose claim was there before it went.
      expect((await scene.sandbox.accepted()).length - before).toBeLessThanOrEqual(IN_FLIGHT);
      expect(events(outcome)).toContainEqual(
        expect.objectContaining({ type: 'rest', reason: expect.stringMatching(/^(checkpoint|database)$/) }),
      );
      expect(events(outcome).at(-1)?.pending).toBeGreaterThan(0);
      await expectLost(scene, outcome, new RegExp(`^cannot reach ${server} at 127\\.0\\.0\\.1:\\d+ \\(`));
    });

    if (redisProgram)
      it(`${server} goes away for good, with checkpoints in Redis: after a minute the run ends with what Redis holds`, async ({
        onTestFinished,
      }) => {
        const redis = await startRedis();
        onTestFinished(() => redis.stop());
        const { database, proxy, scene } = await behindProxy(onTestFinished, { REDIS_URL: redis.url });
        await proxy.set('down');
        const outcome = await endsAfterAMinute(scene);
        await proxy.set('up');
        const { sent, pending } = events(outcome).at(-1) as { sent: number; pending: number };
        expect(pending).toBeGreaterThan(0);
        const [written] = await database.query("select count(*) as n from messages where status = 'sent'");
        expect(Number(written?.n)).toBeLessThan(sent);
        await expectLost(scene, outcome, new RegExp(`^cannot reach ${server} at 127\\.0\\.0\\.1:\\d+ \\(`));
      });

    it(`${server} goes away for some seconds: the run waits for it and goes on`, async ({ onTestFinished }) => {
      const { proxy, scene } = await behindProxy(onTestFinished);
      await proxy.set('down');
      await scene.running.says(`cannot reach ${server}`);
      await sleep(3_000);
      await proxy.set('up');
      await expectCarriedOn(scene);
    });
  }

  it('the SQLite file is locked by another program for a moment: the run waits and goes on', async ({ onTestFinished }) => {
    const scene = await begun();
    onTestFinished(() => scene.place.leave());
    const unlock = await lockFile(scene.place.path('wsend.db'));
    await sleep(3_000);
    unlock();
    await expectCarriedOn(scene);
  });

  it('the SQLite file is locked by another program for good: the run ends, and nothing is sent that it could not note', async ({
    onTestFinished,
  }) => {
    const scene = await begun();
    onTestFinished(() => scene.place.leave());
    const unlock = await lockFile(scene.place.path('wsend.db'));
    const before = (await scene.sandbox.accepted()).length;
    const outcome = await endsAfterAMinute(scene);
    unlock();
    expect((await scene.sandbox.accepted()).length - before).toBeLessThanOrEqual(IN_FLIGHT);
    await expectLost(scene, outcome, /wsend\.db is locked by another program/);
  });

  if (canMount())
    it('the disk is full: the run ends, and goes on once there is room', async ({ onTestFinished }) => {
      const place = new Place(PACE);
      mkdirSync(place.path('disk'));
      spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', place.path('disk')]);
      onTestFinished(async () => {
        await place.leave().catch(() => undefined);
        spawnSync('umount', ['-l', place.path('disk')]);
        await place.leave();
      });
      place.env = { ...place.env, DATABASE_URL: `sqlite:${place.path('disk/wsend.db')}` };
      place.people(COUNT);
      const sandbox = await place.sandbox(LATENCY);
      const running = place.start(RUN);
      await running.tells('sent', 10);
      fill(place.path('disk/film'));
      const outcome = await running.ended;
      rmSync(place.path('disk/film'));
      await expectLost({ place, sandbox, running }, outcome, /no (disk )?space left/);
    });

  if (canForbidWriting())
    it('the SQLite file can no longer be written: the run ends, and goes on once it can', async ({ onTestFinished }) => {
      const scene = await begun();
      const files = ['wsend.db', 'wsend.db-wal'].map((name) => scene.place.path(name));
      onTestFinished(async () => {
        forbidWriting(files, false);
        await scene.place.leave();
      });
      forbidWriting(files, true);
      const outcome = await scene.running.ended;
      forbidWriting(files, false);
      await expectLost(scene, outcome, /^the SQLite file wsend\.db cannot be read or written \(disk error\)$/);
    });

  if (redisProgram) {
    const behindProxy = async (finished: TestContext['onTestFinished']) => {
      const redis = await startRedis();
      const proxy = await tcpProxy(`${redis.url}/1`);
      const scene = await begun({ REDIS_URL: proxy.url });
      finished(async () => {
        await scene.place.leave();
        await proxy.close();
        await redis.stop();
      });
      return { redis, proxy, scene };
    };

    /** Frozen, it takes what is sent to it and answers when it wakes up; cut off, it cannot be reached. */
    const lose = { 'cut off': (proxy: TcpProxy) => proxy.set('down'), frozen: (_: TcpProxy, redis: RunningRedis) => freeze(redis, true) };
    const giveBack = {
      'cut off': (proxy: TcpProxy) => proxy.set('up'),
      frozen: (_: TcpProxy, redis: RunningRedis) => freeze(redis, false),
    };
    for (const state of ['cut off', 'frozen'] as const) {
      it(`Redis is ${state} for some seconds: the run waits for it and goes on`, async ({ onTestFinished }) => {
        const { redis, proxy, scene } = await behindProxy(onTestFinished);
        await lose[state](proxy, redis);
        await scene.running.tells('rest');
        await sleep(1_000);
        await giveBack[state](proxy, redis);
        await expectCarriedOn(scene);
      });

      it(`Redis is ${state} for good: nothing is sent that it could not note, and after a minute the run ends`, async ({
        onTestFinished,
      }) => {
        const { redis, proxy, scene } = await behindProxy(onTestFinished);
        await lose[state](proxy, redis);
        const before = (await scene.sandbox.accepted()).length;
        const outcome = await endsAfterAMinute(scene);
        expect((await scene.sandbox.accepted()).length - before).toBeLessThanOrEqual(IN_FLIGHT);
        await giveBack[state](proxy, redis);
        await expectLost(scene, outcome, /^Redis at 127\.0\.0\.1:\d+ does not answer: /);
      });
    }

    it('Redis forgets everything: the run stops, and the next one looks up whom it may have sent to', async ({ onTestFinished }) => {
      const { redis, scene } = await behindProxy(onTestFinished);
      await redis.restart();
      const outcome = await scene.running.ended;
      expect(outcome.code, outcome.stderr).toBe(7);
      expectTidy(outcome);
      expectSum(events(outcome).at(-1) ?? {});
      await expectEveryoneOnce(scene.place, scene.sandbox, phones(COUNT));
    });
  }

  it('Wassenger goes away: the run waits for it and goes on', async ({ onTestFinished }) => {
    const place = new Place(PACE);
    onTestFinished(() => place.leave());
    place.people(COUNT);
    const sandbox = await place.sandboxWith(['--port', '0', '--file', 'sandbox.db', '--fault', LATENCY]);
    const running = place.start(RUN);
    await running.tells('sent', 10);
    sandbox.process.kill('SIGKILL');
    await running.tells('rest');
    await sleep(1_000);
    const again = await place.sandboxWith(['--port', String(sandbox.port), '--file', 'sandbox.db']);
    const outcome = await running.ended;
    // Calls that were cut off could not be looked up while it was away: those few are in doubt, and said to be.
    const summary = events(outcome).at(-1) as Record<string, unknown>;
    expect(outcome.code, outcome.stderr).toBe(summary.in_doubt === 0 ? 0 : 3);
    expect(summary).toMatchObject({ failed: 0, pending: 0 });
    expectSum(summary);
    await expectEveryoneOnce(place, again, phones(COUNT));
  });
});

/** What may arrive at the provider after its claim was the last thing that could be noted. */
const IN_FLIGHT = 4;

/** The run, once it has waited for what is away as long as it should, and not once for each that needs it. */
async function endsAfterAMinute({ running }: Scene): Promise<Outcome> {
  const since = Date.now();
  const outcome = await running.ended;
  expect(Date.now() - since).toBeGreaterThan(50_000);
  expect(Date.now() - since).toBeLessThan(100_000);
  return outcome;
}

async function freeze({ process }: RunningRedis, on: boolean): Promise<void> {
  process.kill(on ? 'SIGSTOP' : 'SIGCONT');
}

/** Another program begins to write to an SQLite file and leaves it at that, until told. */
async function lockFile(path: string): Promise<() => void> {
  const code = `
    const file = new (require('@photostructure/sqlite').DatabaseSync)(process.argv[1], { timeout: 5000 });
    file.exec('begin immediate');
    console.log('locked');
    process.stdin.on('end', () => process.exit()).resume();`;
  const child = spawn(process.execPath, ['-e', code, path], { cwd: new URL('../..', import.meta.url), stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return () => void child.stdin.end();
}

/** Immutable files refuse to be written even by who has them open, as a disk does that turned read-only under a program. */
function forbidWriting(files: string[], forbidden: boolean): boolean {
  return spawnSync('chattr', [forbidden ? '+i' : '-i', ...files]).status === 0;
}

function canForbidWriting(): boolean {
  const file = join(tmpdir(), `wsend-test-immutable-${process.pid}`);
  const open = openSync(file, 'w');
  const can = forbidWriting([file], true) && refuses(() => writeSync(open, 'x'));
  if (!can)
    process.stderr.write('\n!!! THE TEST OF A DISK THAT TURNS READ-ONLY CANNOT RUN: chattr, as root, must forbid writing to open files.\n');
  forbidWriting([file], false);
  closeSync(open);
  rmSync(file);
  return can;
}

function refuses(work: () => void): boolean {
  try {
    work();
    return false;
  } catch {
    return true;
  }
}

/** Whether a small disk can be made to be filled: root may, outside a container without that right. */
function canMount(): boolean {
  const folder = `/tmp/wsend-test-mount-${process.pid}`;
  mkdirSync(folder, { recursive: true });
  const can = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]).status === 0;
  if (can) spawnSync('umount', [folder]);
  else process.stderr.write('\n!!! THE TEST OF A FULL DISK CANNOT RUN: only root may mount a small one.\n');
  rmSync(folder, { recursive: true, force: true });
  return can;
}

/** Takes all the room that is left. */
function fill(path: string): void {
  for (const size of [65_536, 4_096, 1]) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
}
