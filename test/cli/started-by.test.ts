import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, type TestContext } from 'vitest';
import { Place, QUICK, type Sandbox } from './program.ts';

const RUN = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--yes'];

async function scene(finished: TestContext['onTestFinished'], count: number): Promise<{ place: Place; sandbox: Sandbox }> {
  const place = new Place({ ...QUICK, WASSENGER_RATE_LIMIT_SECONDS: '0.1' });
  finished(() => place.leave());
  place.people(count);
  return { place, sandbox: await place.sandbox() };
}

const hasBash = spawnSync('bash', ['-c', 'true']).status === 0;
const hasScript = /util-linux/.test(String(spawnSync('script', ['--version']).stdout));

describe.concurrent('started by somebody who', { timeout: 120_000 }, () => {
  it.for([
    ['says nohup in bash', hasBash, (command: string) => ['bash', '-c', `nohup ${command} & echo $! > pid; wait $!`]],
    ['ignores SIGHUP in a script', true, (command: string) => ['sh', '-c', `trap '' HUP; ${command} & echo $! > pid; wait $!`]],
    [
      'says nohup at a terminal',
      hasScript,
      (command: string) => ['script', '--quiet', '--return', '--command', `echo $$ > pid; exec nohup ${command}`, '/dev/null'],
    ],
  ] as const)('%s: a hang-up does not stop it', async ([, isThere, through], { onTestFinished, skip }) => {
    skip(!isThere);
    const { place, sandbox } = await scene(onTestFinished, 20);
    const running = place.start(RUN, {}, { through: (command) => through(command) as [string, ...string[]] });
    while ((await sandbox.accepted()).length < 3) await sleep(100);
    expect(spawnSync('sh', ['-c', `kill -HUP $(cat '${place.path('pid')}')`]).status).toBe(0);
    const { code, stdout, stderr } = await running.ended;
    expect(code, stdout + stderr).toBe(0);
    expect(await sandbox.accepted()).toHaveLength(20);
  });

  it.for([20, 24])('allows it %i open files gets a sentence, and nothing is sent', async (files, { onTestFinished }) => {
    const { place, sandbox } = await scene(onTestFinished, 3);
    const limited = (command: string): [string, ...string[]] => ['sh', '-c', `ulimit -n ${files}; exec ${command}`];
    for (const json of [false, true]) {
      const { code, stderr } = await place.run(json ? [...RUN, '--json'] : RUN, {}, { through: limited });
      expect(code, stderr).toBe(1);
      expect(stderr).toMatch(/this process may not open more files[\s\S]*ulimit -n 1024/);
      expect(stderr).not.toMatch(/EMFILE|^\s+at /m);
    }
    expect(await sandbox.accepted()).toEqual([]);
  });
});
