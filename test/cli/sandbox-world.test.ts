import { mkdirSync } from 'node:fs';
import { describe, expect, it, type TestContext } from 'vitest';
import { createExistingDatabase, EXISTING } from '../support/existing-database.ts';
import { type StandIn, standIn } from '../support/stand-in.ts';
import { expectComplaint } from './expectations.ts';
import { events, Place, QUICK } from './program.ts';

// What a person does with a rehearsal, beside the campaign itself: two-worlds.test.ts shows that they share nothing.

const RUN = ['run', '--campaign', '42', '--json'];
const FILE = ['run', '--csv', 'people.csv', '--message', 'Hello', '--json'];
/** A rehearsal needs none. */
const WITHOUT_KEY = { WASSENGER_API_KEY: '', WASSENGER_DEVICE_ID: '' };
/** A campaign of 24 takes 12 s. */
const SLOWLY = ['--delay', '3'];

async function begin({ onTestFinished }: TestContext): Promise<{ place: Place; account: StandIn }> {
  const database = await createExistingDatabase('sqlite');
  onTestFinished(() => database.drop());
  const account = await standIn();
  onTestFinished(() => account.close());
  const place = new Place({ ...QUICK, ...account.env, DATABASE_URL: database.url });
  onTestFinished(() => place.leave());
  return { place, account };
}

describe.concurrent('with --sandbox', { timeout: 60_000 }, () => {
  it('a campaign of a file that was killed before its first send is reconciled, retried and resumed there, without a key; without it there is none', async (test) => {
    const { place, account } = await begin(test);
    place.people(5);
    const run = place.start([...FILE, '--sandbox', ...SLOWLY], WITHOUT_KEY);
    await run.tells('plan');
    run.process.kill('SIGKILL');
    await run.ended;
    const { campaign } = events({ stdout: run.stdout() })[0] as { campaign: number };
    expect(campaign).toBe(1);
    // A retry leaves those who did not fail to a resume.
    for (const [command, code] of [
      ['reconcile', 0],
      ['retry', 6],
      ['resume', 0],
    ] as const) {
      expectComplaint(await place.run([command, '1']), 2, 'wsend: there is no campaign 1');
      const outcome = await place.run([command, '1', '--sandbox', '--json'], { ...WITHOUT_KEY, WASSENGER_RATE_LIMIT_SECONDS: '0' });
      expect(outcome.code, `${command}: ${outcome.stderr}`).toBe(code);
      expect(events(outcome).at(-1)).toMatchObject({ campaign: 1, sandbox: true });
    }
    expect(JSON.parse((await place.run(['status', '1', '--sandbox', '--json'], WITHOUT_KEY)).stdout)).toMatchObject({ total: 5, sent: 5 });
    expect(account.taken).toHaveLength(0);
  });

  it('a rehearsal is seen and paused from another terminal, and the campaign itself is sent meanwhile', async (test) => {
    const { place, account } = await begin(test);
    const rehearsal = place.start([...RUN, '--sandbox', ...SLOWLY]);
    await rehearsal.tells('sent', 2);
    const status = async (...flags: string[]) => JSON.parse((await place.run(['status', '42', '--json', ...flags])).stdout);
    expect(await status('--sandbox')).toMatchObject({ sandbox: true, state: 'running', owner: { pid: rehearsal.process.pid }, next: null });
    expect(await status()).toMatchObject({ status: 'draft', owner: null, next: 'wsend run --campaign 42' });
    expect((await place.run(['pause', '42'])).stdout).toBe('Campaign 42 is not running.\n');

    // Their leases are no more in each other's way than their checkpoints.
    const real = await place.run(RUN);
    expect(real.code, real.stderr).toBe(0);
    expect(account.phones()).toHaveLength(EXISTING.recipients);

    const second = await place.run(['resume', '42', '--sandbox']);
    expectComplaint(second, 7, 'wsend: campaign 42 is held by another run (');
    expect(second.stderr).toContain('Stop it with wsend pause 42 --sandbox;');
    const verify = await place.run(['verify', '42', '--sandbox']);
    expectComplaint(verify, 7, 'campaign 42 is being sent');
    expect(verify.stderr).toContain('stop it with wsend pause 42 --sandbox.');
    const anew = await place.run([...RUN, '--sandbox']);
    expect(anew.code, anew.stderr).toBe(7);
    const pause = await place.run(['pause', '42', '--sandbox']);
    expect([pause.code, pause.stdout]).toEqual([0, expect.stringContaining('Campaign 42 is paused. Next: wsend resume 42 --sandbox\n')]);
    const ended = await rehearsal.ended;
    expect(ended.code, ended.stderr).toBe(6);
    expect(events(ended).at(-1)).toMatchObject({ type: 'summary', sandbox: true, next: 'wsend resume 42 --sandbox' });
    const all = await place.run(['resume', '--all', '--sandbox']);
    expect([all.code, all.stderr]).toEqual([0, expect.stringContaining('; wsend resume 42 --sandbox continues it.')]);
    expect(account.taken).toHaveLength(EXISTING.recipients);
  });

  it('a campaign that was begun for real is not resumed, and a rehearsal is known in its own folder alone', async (test) => {
    const { place, account } = await begin(test);
    expect((await place.run([...RUN, '--limit', '5'])).code).toBe(6);
    for (const args of [
      ['resume', '42'],
      ['retry', '42'],
      ['reconcile', '42'],
      ['status', '42'],
      ['verify', '42'],
      ['report', '42'],
    ])
      expectComplaint(await place.run([...args, '--sandbox']), 2, 'wsend: there is no campaign 42');
    expect((await place.run([...RUN, '--sandbox', '--limit', '5'])).code).toBe(6);
    mkdirSync(place.path('other'));
    const elsewhere = await place.run(['resume', '42', '--sandbox'], {}, { cwd: place.path('other') });
    expectComplaint(elsewhere, 2, 'wsend: there is no campaign 42');
    const named = { WSEND_SANDBOX_FILE: place.path('wsend-sandbox.db') };
    const there = await place.run(['resume', '42', '--sandbox', '--json'], named, { cwd: place.path('other') });
    expect(there.code, there.stderr).toBe(0);
    expect(account.taken).toHaveLength(5);
  });
});
