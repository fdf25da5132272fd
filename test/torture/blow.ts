import { cpSync, renameSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Started } from '../cli/program.ts';
import type { RunningRedis } from '../support/servers.ts';
import { emptyRedis, folderOf, type Scene } from './evidence.ts';
import type { Blow } from './plan.ts';

/** A suspended run is woken after this, whether or not another has taken over: its locks live 15 s. In milliseconds. */
const LOCK_SURELY_OVER = 17_000;

/** Strikes the runs, or what they run on. Resolves to programs that it started besides. */
export async function strike(
  blow: Blow,
  started: Started[],
  campaign: number,
  scene: Scene,
): Promise<{ program: Started; args: string[] }[]> {
  const { place, sandbox, redis } = scene;
  const signal = (name: NodeJS.Signals) => {
    for (const { process } of started) process.kill(name);
  };
  switch (blow) {
    case 'nothing':
      return [];
    case 'kill -9':
      signal('SIGKILL');
      return [];
    case 'SIGTERM':
    case 'SIGINT':
    case 'SIGHUP':
      signal(blow);
      return [];
    case 'SIGINT twice':
      signal('SIGINT');
      await sleep(30);
      signal('SIGINT');
      return [];
    case 'stopped for a moment':
      signal('SIGSTOP');
      await sleep(1_500);
      signal('SIGCONT');
      return [];
    case 'stopped for longer than its lock lives':
      return suspend(started[0] as Started, campaign, scene);
    case 'wsend pause':
      await place.run(['pause', `${campaign}`]);
      return [];
    case 'sandbox killed and started again': {
      const { port, process } = sandbox;
      const faults = await (await fetch(`${sandbox.control}/sandbox/faults`)).json();
      process.kill('SIGKILL');
      await sleep(200);
      const again = await place.sandboxWith([
        '--port',
        String(port),
        '--file',
        'sandbox.db',
        ...Object.entries(faults as object).flatMap(([name, value]) => ['--fault', `${name}=${value}`]),
      ]);
      Object.assign(sandbox, again);
      return [];
    }
    case 'the database away for a moment':
      await scene.proxy?.set('down');
      await sleep(2_500);
      await scene.proxy?.set('up');
      return [];
    case 'the database away until another run has taken over':
      return takeOver(campaign, scene);
    case 'Redis killed and started again':
      await redis?.restart();
      return [];
    case 'Redis emptied':
      if (redis !== null) await emptyRedis(redis);
      return [];
    case 'Redis and the run killed, and what Redis kept in its last second lost':
      if (redis !== null) await setBack(redis, () => signal('SIGKILL'));
      return [];
  }
}

/** The runs lose the database until another could take over, which reaches it by itself; it has begun when theirs is back. */
async function takeOver(campaign: number, { place, proxy, database }: Scene): Promise<{ program: Started; args: string[] }[]> {
  await proxy?.set('down');
  await sleep(LOCK_SURELY_OVER - 1_000);
  const args = ['resume', `${campaign}`];
  const program = place.start([...args, '--json'], { DATABASE_URL: database.url });
  await Promise.race([program.ended, program.tells('sent').catch(() => undefined), sleep(1_000)]);
  await proxy?.set('up');
  return program.stderr().includes('there is no campaign') ? [] : [{ program, args }];
}

/** Redis as it was a second ago, as after a fail-over, and the runs gone with it. */
async function setBack(redis: RunningRedis, killRuns: () => void): Promise<void> {
  const folder = `${await folderOf(redis)}/appendonlydir`;
  cpSync(folder, `${folder}.before`, { recursive: true });
  await sleep(1_000);
  killRuns();
  await redis.kill();
  rmSync(folder, { recursive: true });
  renameSync(`${folder}.before`, folder);
  await redis.restart();
}

/** Suspends a run until another could take over, lets that one begin, and wakes the first up. */
async function suspend(run: Started, campaign: number, { place }: Scene): Promise<{ program: Started; args: string[] }[]> {
  run.process.kill('SIGSTOP');
  const until = Date.now() + LOCK_SURELY_OVER;
  const args = ['resume', `${campaign}`];
  await sleep(LOCK_SURELY_OVER - 2_500);
  const taking: { program: Started; args: string[] }[] = [];
  while (Date.now() < until) {
    const program = place.start([...args, '--json']);
    taking.push({ program, args });
    await Promise.race([program.ended, program.tells('sent').catch(() => undefined), sleep(1_000)]);
    if (program.process.exitCode === null) break;
    // The suspended one has not made the campaign yet.
    if (program.stderr().includes('there is no campaign')) taking.pop();
  }
  await sleep(Math.max(0, until - Date.now()));
  run.process.kill('SIGCONT');
  return taking;
}
