import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { redisProgram } from '../support/env.ts';
import { type RunningRedis, startRedis } from '../support/servers.ts';
import { expectComplaint, expectEveryoneOnce, expectSum, expectTidy } from './expectations.ts';
import { events, type Outcome, Place, phones, QUICK, type Sandbox, type Started } from './program.ts';

const COUNT = 60;
const RUN = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}'];
const EVERYONE = phones(COUNT);

type Finished = TestContext['onTestFinished'];

interface Scene {
  place: Place;
  sandbox: Sandbox;
}

/** A place with a file of people and a sandbox of its own. */
async function scene(
  finished: Finished,
  { env = {}, faults = ['latency=5-60'] }: { env?: Record<string, string>; faults?: string[] } = {},
): Promise<Scene> {
  const place = new Place({ ...QUICK, WASSENGER_RATE_LIMIT_SECONDS: '0.05', ...env });
  finished(() => place.leave());
  place.people(COUNT);
  return { place, sandbox: await place.sandbox(...faults) };
}

/** A run of the file, once it has sent so many. */
async function begun({ place }: Scene, sent = 5, args: string[] = []): Promise<Started> {
  const running = place.start([...RUN, '--json', ...args]);
  await running.tells('sent', sent);
  return running;
}

/** Suspends a run between its writes: in the middle of one it would keep the SQLite file locked for everybody. */
async function suspend({ place }: Scene, running: Started): Promise<void> {
  const file = new DatabaseSync(place.path('wsend.db'), { timeout: 0 });
  try {
    for (;;) {
      running.process.kill('SIGSTOP');
      await sleep(50);
      try {
        file.exec('begin immediate; rollback');
        return;
      } catch (error) {
        if ((error as { errcode?: number }).errcode !== 5) throw error;
      }
      running.process.kill('SIGCONT');
      await sleep(100);
    }
  } finally {
    file.close();
  }
}

const summaryOf = (outcome: Outcome) => {
  const summary = events(outcome).at(-1) as Record<string, number | string>;
  expect(summary, outcome.stderr).toMatchObject({ type: 'summary' });
  expectSum(summary);
  return summary;
};

let redis: RunningRedis | undefined;
beforeAll(async () => {
  if (redisProgram) redis = await startRedis();
});
afterAll(() => redis?.stop());
/** Campaign 1 of one test is not that of another, so each gets a database of its own there. */
let database = 0;
const stores: [name: string, env: () => Record<string, string>][] = [['the database', () => ({})]];
if (redisProgram) stores.push(['Redis', () => ({ REDIS_URL: `${redis?.url}/${database++}` })]);

for (const [name, env] of stores) {
  describe.concurrent(`one run at a time, with checkpoints in ${name}`, { timeout: 90_000 }, () => {
    it('a run that is suspended for longer than its lease lives sends nothing once another has taken over', async ({ onTestFinished }) => {
      const it = await scene(onTestFinished, { env: { ...env(), WASSENGER_RATE_LIMIT_SECONDS: '0.2' } });
      const suspended = await begun(it);
      await it.sandbox.set({ latency: '4000' });
      const before = (await it.sandbox.accepted()).length;
      while ((await it.sandbox.accepted()).length < before + 4) await sleep(50);
      await suspend(it, suspended);
      await it.sandbox.set({ latency: '5-60' });
      const early = await it.place.run(['resume', '1']);
      expect(early.code).toBe(7);
      await sleep(15_000);
      const taking = it.place.start(['resume', '1', '--json'], { WASSENGER_RATE_LIMIT_SECONDS: '0.1' });
      await taking.tells('sent', 3);
      suspended.process.kill('SIGCONT');
      const first = await suspended.ended;
      expect(first.code, first.stderr).toBe(7);
      expectTidy(first);
      summaryOf(first);
      const second = await taking.ended;
      // A message that the suspended run had claimed and not sent cannot be told from one that it might still send, while it lived.
      const { in_doubt, failed, pending } = summaryOf(second);
      expect({ code: second.code, failed, pending }).toEqual({ code: in_doubt === 0 ? 0 : 3, failed: 0, pending: 0 });
      await expectEveryoneOnce(it.place, it.sandbox, EVERYONE);
    });

    it('a second run is refused with 7 and told who holds the campaign, or the line', async ({ onTestFinished }) => {
      const it = await scene(onTestFinished, { env: env() });
      const running = it.place.start([...RUN, '--json'], { WASSENGER_BATCH_SIZE: '25', WASSENGER_BATCH_PAUSE_SECONDS: '600' });
      await running.tells('rest');
      const who = new RegExp(`process ${running.process.pid} on \\S+, begun \\d{4}-\\d\\d-\\d\\dT`);
      for (const args of [
        ['resume', '1'],
        ['run', '--campaign', '1'],
        ['retry', '1'],
        ['reconcile', '1'],
      ]) {
        const second = await it.place.run(args);
        expectComplaint(second, 7, 'wsend: campaign 1 is held by another run (');
        expect(second.stderr).toMatch(who);
        expect(second.stderr).toContain('next: Stop it with wsend pause 1; the lease of a crashed run expires after 15 s.');
        expect(second.stdout).toBe('');
      }
      const other = await it.place.run([...RUN, '--again']);
      expectComplaint(other, 7, 'wsend: the line is held by the run of campaign 1 (');
      expect(other.stderr).toMatch(who);
      const status = await it.place.run(['status', '1', '--json']);
      expect(JSON.parse(status.stdout)).toMatchObject({ state: 'running', owner: { pid: running.process.pid }, next: null });
      expect((await it.place.run(['pause', '1'])).code).toBe(0);
      expect((await running.ended).code).toBe(6);
      await expectEveryoneOnce(it.place, it.sandbox, EVERYONE);
    });

    it('of two that start in the same instant exactly one sends', async ({ onTestFinished }) => {
      const it = await scene(onTestFinished, { env: env() });
      expect((await it.place.run([...RUN, '--limit', '1'])).code).toBe(6);
      const both = await Promise.all([it.place.run(['resume', '1', '--json']), it.place.run(['run', '--campaign', '1', '--json'])]);
      expect(both.map(({ code }) => code).sort(), both.map(({ stderr }) => stderr).join()).toEqual([0, 7]);
      await expectEveryoneOnce(it.place, it.sandbox, EVERYONE);
    });

    it('of two that make a campaign of the same file in the same instant exactly one sends', async ({ onTestFinished }) => {
      const it = await scene(onTestFinished, { env: env() });
      const both = await Promise.all([it.place.run([...RUN, '--json']), it.place.run([...RUN, '--json'])]);
      const codes = both.map(({ code }) => code).sort();
      expect(codes[0], both.map(({ stderr }) => stderr).join()).toBe(0);
      expect([2, 7]).toContain(codes[1]);
      const { campaigns } = JSON.parse((await it.place.run(['status', '--json'])).stdout);
      expect(campaigns).toHaveLength(1);
      await expectEveryoneOnce(it.place, it.sandbox, EVERYONE);
    });

    it('a lease whose process was killed is taken over at once', async ({ onTestFinished }) => {
      const it = await scene(onTestFinished, { env: env() });
      const running = await begun(it);
      running.process.kill('SIGKILL');
      await running.ended;
      const status = await it.place.run(['status', '1', '--json']);
      expect(JSON.parse(status.stdout)).toMatchObject({ status: 'sending' });
      await expectEveryoneOnce(it.place, it.sandbox, EVERYONE);
    });
  });
}

describe.concurrent('a signal', { timeout: 60_000 }, () => {
  it.for([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s: the calls in flight finish and are recorded, and the run ends with %i', async ([signal, code], { onTestFinished }) => {
    const it = await scene(onTestFinished, { faults: ['latency=300'] });
    const running = await begun(it);
    running.process.kill(signal);
    const outcome = await running.ended;
    expect(outcome).toMatchObject({ code, signal: null });
    expectTidy(outcome);
    expect(events(outcome).at(-2)).toMatchObject({ type: 'paused', reason: 'signal', detail: signal });
    const { sent, in_doubt, next, exit_code } = summaryOf(outcome);
    expect({ in_doubt, next, exit_code }).toEqual({ in_doubt: 0, next: 'wsend resume 1', exit_code: code });
    expect(await it.sandbox.accepted()).toHaveLength(Number(sent));
    await expectEveryoneOnce(it.place, it.sandbox, EVERYONE);
  });

  it('prints the command to resume', async ({ onTestFinished }) => {
    const { place } = await scene(onTestFinished);
    const running = place.start([...RUN]);
    await running.says('0/60 sent');
    running.process.kill('SIGINT');
    const outcome = await running.ended;
    expect(outcome).toMatchObject({
      code: 130,
      stderr: expect.stringContaining('finishing the calls in flight; press Ctrl-C again to leave at once'),
    });
    expect(outcome.stdout).toMatch(/^Campaign 1 is interrupted; nothing is lost\n[\s\S]*^Next: wsend resume 1\n$/m);
  });

  it('twice: it leaves at once, and what was in flight is looked up by the next run', async ({ onTestFinished }) => {
    const it = await scene(onTestFinished, { faults: ['latency=5'] });
    const running = await begun(it);
    await it.sandbox.set({ latency: '600000' });
    const before = (await it.sandbox.accepted()).length;
    while ((await it.sandbox.accepted()).length < before + 2) await sleep(50);
    running.process.kill('SIGINT');
    await running.says('finishing the calls in flight');
    running.process.kill('SIGINT');
    const outcome = await running.ended;
    expect(outcome).toMatchObject({ code: 130, signal: null });
    expect(outcome.stderr).toMatch(/\d calls in flight; the next run will check whether they arrived/);
    expect(summaryOf(outcome)).toMatchObject({ exit_code: 130, next: 'wsend resume 1' });
    await it.sandbox.set({ latency: '5' });
    await expectEveryoneOnce(it.place, it.sandbox, EVERYONE);
  });

  it('ends a run that is only looking up what a lost checkpoint may hide: with its summary, and the lease given back', async ({
    onTestFinished,
  }) => {
    const it = await scene(onTestFinished);
    expect((await it.place.run([...RUN, '--limit', '7'])).code).toBe(6);
    const file = new DatabaseSync(it.place.path('wsend.db'), { timeout: 5_000 });
    file.exec('delete from wsend_entries; delete from wsend_checkpoints');
    file.close();
    const resumed = it.place.start(['resume', '1', '--json'], { WASSENGER_LOOKUP_SECONDS: '30' });
    await resumed.says('looking up its first');
    resumed.process.kill('SIGINT');
    const outcome = await resumed.ended;
    expect(outcome.code, outcome.stderr).toBe(130);
    expect(events(outcome).at(-2)).toMatchObject({ type: 'paused', reason: 'signal', detail: 'SIGINT' });
    expect(summaryOf(outcome)).toMatchObject({ sent: 7, pending: COUNT - 7, exit_code: 130, next: 'wsend resume 1' });
    expect(JSON.parse((await it.place.run(['status', '1', '--json'])).stdout)).toMatchObject({ state: 'interrupted', owner: null });
    await expectEveryoneOnce(it.place, it.sandbox, EVERYONE);
  });

  it('ends a batch pause and a wait for a provider that says slow down', async ({ onTestFinished }) => {
    const it = await scene(onTestFinished);
    const running = await begun(it, 5, ['--batch-size', '5', '--batch-pause', '600']);
    await running.tells('rest');
    running.process.kill('SIGINT');
    const outcome = await running.ended;
    expect(summaryOf(outcome)).toMatchObject({ exit_code: 130, sent: 5, pending: COUNT - 5 });

    await it.sandbox.set({ throttle: '1', retryAfter: '600' });
    const throttled = it.place.start(['resume', '1', '--json', '--batch-size', '75', '--batch-pause', '0']);
    await throttled.says('"reason":"throttled"');
    throttled.process.kill('SIGTERM');
    expect(summaryOf(await throttled.ended)).toMatchObject({ exit_code: 143, failed: 0, in_doubt: 0 });
  });
});

describe.concurrent('a pause', { timeout: 60_000 }, () => {
  it('asked for from elsewhere: the run ends with 6, and goes on when it is resumed', async ({ onTestFinished }) => {
    const it = await scene(onTestFinished);
    const running = await begun(it);
    const pause = await it.place.run(['pause', '1']);
    expect(pause).toMatchObject({ code: 0, stdout: 'Campaign 1 is paused. Next: wsend resume 1\n', stderr: '' });
    const outcome = await running.ended;
    expect(outcome.code, outcome.stderr).toBe(6);
    expect(events(outcome).at(-2)).toMatchObject({ type: 'paused', reason: 'pause' });
    expect(await it.sandbox.accepted()).toHaveLength(Number(summaryOf(outcome).sent));

    const again = await it.place.run(['pause', '1']);
    expect(again).toMatchObject({ code: 0, stdout: 'Campaign 1 is not running.\n' });
    const status = await it.place.run(['status', '1', '--json']);
    expect(JSON.parse(status.stdout)).toMatchObject({ state: 'paused', status: 'sending', paused: { reason: 'pause' }, owner: null });
    await expectEveryoneOnce(it.place, it.sandbox, EVERYONE);
  });

  it('of a campaign whose run was killed is noted at once, and resume --all leaves it alone', async ({ onTestFinished }) => {
    const it = await scene(onTestFinished);
    const killed = await begun(it);
    killed.process.kill('SIGKILL');
    await killed.ended;
    const paused = await it.place.run(['pause', '1']);
    expect(paused).toMatchObject({ code: 0, stdout: expect.stringContaining('Campaign 1 was not running; it is paused now') });
    expect(JSON.parse((await it.place.run(['status', '1', '--json'])).stdout)).toMatchObject({ paused: { reason: 'pause' } });
    const all = await it.place.run(['resume', '--all']);
    expect([all.code, all.stderr]).toEqual([0, expect.stringContaining('Campaign 1 stays paused')]);
    await expectEveryoneOnce(it.place, it.sandbox, EVERYONE);
  });

  it('in a batch pause is noticed at once', async ({ onTestFinished }) => {
    const it = await scene(onTestFinished);
    const running = await begun(it, 5, ['--batch-size', '5', '--batch-pause', '600']);
    await running.tells('rest');
    expect((await it.place.run(['pause', '1'])).code).toBe(0);
    expect((await running.ended).code).toBe(6);
  });

  it('after --limit sends, and the next run goes on from there', async ({ onTestFinished }) => {
    const it = await scene(onTestFinished);
    const outcome = await it.place.run([...RUN, '--json', '--limit', '7']);
    expect(outcome.code, outcome.stderr).toBe(6);
    expect(events(outcome).at(-2)).toMatchObject({ type: 'paused', reason: 'limit' });
    expect(summaryOf(outcome)).toMatchObject({ sent: 7, pending: COUNT - 7, next: 'wsend resume 1' });
    const started = await it.place.run(['run', '--campaign', '1', '--limit', '3', '--json']);
    expect([started.code, summaryOf(started).sent]).toEqual([6, 10]);
    await expectEveryoneOnce(it.place, it.sandbox, EVERYONE);
  });
});

describe.concurrent('going on', { timeout: 60_000 }, () => {
  it('resume --all goes on with what was interrupted, and leaves alone what a person paused', async ({ onTestFinished }) => {
    const it = await scene(onTestFinished);
    const interrupted = await begun(it);
    interrupted.process.kill('SIGTERM');
    await interrupted.ended;
    expect((await it.place.run([...RUN, '--again', '--limit', '4'])).code).toBe(6);
    const killed = it.place.start([...RUN, '--again', '--json']);
    await killed.tells('sent', 5);
    killed.process.kill('SIGKILL');
    await killed.ended;

    const all = await it.place.run(['resume', '--all', '--json']);
    expect(all.code, all.stderr).toBe(0);
    expect(all.stderr).toContain('Campaign 2 stays paused (--limit 4 reached); wsend resume 2 continues it.');
    const summaries = events(all).filter(({ type }) => type === 'summary');
    expect(summaries).toMatchObject([
      { campaign: 1, sent: COUNT },
      { campaign: 3, sent: COUNT },
    ]);
    expect((await it.place.run(['resume', '--all', '--json'])).stdout).toBe('');
    expect((await it.place.run(['resume', '2'])).code).toBe(0);
    const accepted = await it.sandbox.accepted();
    expect(new Set(accepted.map(({ reference }) => reference)).size).toBe(3 * COUNT);
    expect(accepted).toHaveLength(3 * COUNT);
  });

  it('a dry run after a kill counts neither those whom only the checkpoint knows to be sent, nor, for retry, those who are pending', async ({
    onTestFinished,
  }) => {
    const it = await scene(onTestFinished, { faults: [`reject=${EVERYONE[0]}`] });
    const killed = await begun(it, 20);
    killed.process.kill('SIGKILL');
    await killed.ended;
    const { pending } = JSON.parse((await it.place.run(['status', '1', '--json'])).stdout);
    const dry = async (command: string) => JSON.parse((await it.place.run([command, '1', '--dry-run', '--json'])).stdout);
    expect(await dry('resume')).toMatchObject({ type: 'dry_run', pending });
    expect(await dry('retry')).toMatchObject({ type: 'dry_run', pending: 1 });
    const settled = await it.place.run(['reconcile', '1']);
    expect(settled.stdout).toMatch(/Campaign 1: 1 failed, \d+ are still pending/);
  });

  it('retry: those that failed are sent again, and only those', async ({ onTestFinished }) => {
    const it = await scene(onTestFinished, { faults: [`reject=${EVERYONE[3]},${EVERYONE[40]}`] });
    const outcome = await it.place.run([...RUN, '--json']);
    expect(outcome.code, outcome.stderr).toBe(3);
    expect(summaryOf(outcome)).toMatchObject({ sent: COUNT - 2, failed: 2, next: 'wsend retry 1' });
    expect(
      events(outcome)
        .filter(({ type }) => type === 'failed')
        .map(({ phone }) => phone),
    ).toEqual([EVERYONE[3], EVERYONE[40]]);

    const still = await it.place.run(['retry', '1', '--json']);
    expect([still.code, summaryOf(still).failed]).toEqual([3, 2]);
    await it.sandbox.set({ reject: '0' });
    const retried = await it.place.run(['retry', '1', '--json']);
    expect(retried.code, retried.stderr).toBe(0);
    expect(events(retried)[0]).toMatchObject({ type: 'plan', pending: 2, total: COUNT });
    expect(events(retried).filter(({ type }) => type === 'sent')).toHaveLength(2);
    await expectEveryoneOnce(it.place, it.sandbox, EVERYONE);
  });

  it('retry of a campaign of which everyone failed', async ({ onTestFinished }) => {
    const it = await scene(onTestFinished, { faults: ['reject=1'] });
    const few = ['run', '--csv', it.place.people(5, 'few.csv'), '--message', 'Hello {{name}}', '--json'];
    const outcome = await it.place.run(few);
    expect([outcome.code, summaryOf(outcome).failed]).toEqual([3, 5]);
    expect(JSON.parse((await it.place.run(['status', '1', '--json'])).stdout)).toMatchObject({
      status: 'failed',
      state: 'failed',
      next: 'wsend retry 1',
    });
    await it.sandbox.set({ reject: '0' });
    expect((await it.place.run(['retry', '1'])).code).toBe(0);
    expect(JSON.parse((await it.place.run(['status', '1', '--json'])).stdout)).toMatchObject({
      status: 'completed',
      sent: 5,
      failed: 0,
      next: null,
    });
  });

  it('reconcile: what is in doubt is settled by asking, and nothing is sent', async ({ onTestFinished }) => {
    const it = await scene(onTestFinished, { faults: ['reset-after=0.4', 'lookup-fail=1', 'latency=5'] });
    const outcome = await it.place.run([...RUN, '--json']);
    expect(outcome.code, outcome.stderr).toBe(3);
    const { in_doubt, sent, next } = summaryOf(outcome);
    expect(in_doubt).toBeGreaterThan(0);
    expect([Number(sent) + Number(in_doubt), next]).toEqual([COUNT, 'wsend reconcile 1']);
    expect(events(outcome).filter(({ type }) => type === 'in_doubt')).toHaveLength(Number(in_doubt));
    const status = JSON.parse((await it.place.run(['status', '1', '--json'])).stdout);
    expect(status).toMatchObject({ in_doubt, sent, pending: 0, next: 'wsend reconcile 1' });

    const unable = await it.place.run(['reconcile', '1', '--json']);
    expect([unable.code, summaryOf(unable).in_doubt]).toEqual([3, in_doubt]);
    await it.sandbox.set({ lookupFail: '0', resetAfter: '0' });
    const settled = await it.place.run(['reconcile', '1', '--json']);
    expect([settled.code, settled.stderr]).toEqual([0, '']);
    expect(summaryOf(settled)).toMatchObject({ sent: COUNT, in_doubt: 0 });
    await expectEveryoneOnce(it.place, it.sandbox, EVERYONE);
  });

  it('the circuit breaker: exit code 5 with its cause, and a resume goes on with the others', async ({ onTestFinished }) => {
    const refused = EVERYONE.slice(0, 15);
    const it = await scene(onTestFinished, { faults: [`reject=${refused.join(',')}`] });
    const outcome = await it.place.run([...RUN, '--json', '--concurrency', '1']);
    expect(outcome.code, outcome.stderr).toBe(5);
    expect(events(outcome).at(-2)).toMatchObject({
      type: 'paused',
      reason: 'circuit_breaker',
      detail: expect.stringMatching(/^\d+ of \d+ failed = \d+ %: 15 × phone:invalid/),
    });
    expect(summaryOf(outcome)).toMatchObject({ failed: 15, next: 'wsend resume 1' });
    const all = await it.place.run(['resume', '--all']);
    expect(all).toMatchObject({ code: 0, stdout: '' });
    const resumed = await it.place.run(['resume', '1', '--json']);
    expect([resumed.code, summaryOf(resumed).sent]).toEqual([3, COUNT - 15]);
  });
});
