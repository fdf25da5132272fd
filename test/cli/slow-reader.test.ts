import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, type TestContext } from 'vitest';
import { events, Place, phones, QUICK, type Sandbox } from './program.ts';

const RUN = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--json', '--batch-size', '1000', '--batch-pause', '0'];
/** More events than fit into a pipe. */
const PEOPLE = 1_200;

async function scene(finished: TestContext['onTestFinished']): Promise<{ place: Place; sandbox: Sandbox }> {
  const place = new Place({ ...QUICK, WASSENGER_RATE_LIMIT_SECONDS: '0', WASSENGER_CONCURRENCY: '8' });
  finished(() => place.leave());
  place.people(PEOPLE);
  return { place, sandbox: await place.sandbox() };
}

describe.concurrent('a reader that takes nothing', { timeout: 240_000 }, () => {
  it('of --json: everybody is sent to meanwhile, and no event is lost once it reads again', async ({ onTestFinished }) => {
    const { place, sandbox } = await scene(onTestFinished);
    const running = place.start(RUN);
    await running.tells('sent', 3);
    running.process.stdout?.pause();
    while ((await sandbox.accepted()).length < PEOPLE) await sleep(1_000);
    running.process.stdout?.resume();
    const outcome = await running.ended;
    expect(outcome.code, outcome.stderr).toBe(0);
    const told = events(outcome);
    expect(told.flatMap(({ type, phone }) => (type === 'sent' ? [phone] : [])).sort()).toEqual(phones(PEOPLE));
    expect(told.at(-1)).toMatchObject({ type: 'summary', sent: PEOPLE });
  });

  it('of --json, and never does again: the run ends half a minute after its last word, and says that its result is lost', async ({
    onTestFinished,
  }) => {
    const { place, sandbox } = await scene(onTestFinished);
    const running = place.start(RUN);
    await running.tells('sent', 3);
    running.process.stdout?.pause();
    const code = await new Promise((resolve) => running.process.once('exit', resolve));
    expect(code).toBe(1);
    expect(running.stderr()).toContain('"message":"the result could not be written: nobody takes it"');
    expect(await sandbox.accepted()).toHaveLength(PEOPLE);
    expect(JSON.parse((await place.run(['status', '1', '--json'])).stdout)).toMatchObject({ status: 'completed', sent: PEOPLE });
    running.process.stdout?.resume();
    await running.ended;

    const report = place.start(['report', '1']);
    await report.says('phone');
    report.process.stdout?.pause();
    await sleep(2_000);
    report.process.stdout?.resume();
    const { code: reportCode, stdout } = await report.ended;
    expect([reportCode, stdout.trimEnd().split('\n').length]).toEqual([0, PEOPLE + 1]);
  });
});
