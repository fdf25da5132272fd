import { mkdirSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, type TestContext } from 'vitest';
import { freshDatabase, isAvailable, type TestDatabase } from '../support/databases.ts';
import { createExistingDatabase, EXISTING } from '../support/existing-database.ts';
import { freePort } from '../support/servers.ts';
import { events, type Outcome, Place, QUICK, type Sandbox } from './program.ts';

// Runs in different folders, as those of cron in / and of a person in ~ are, have only the database in common: it is all that they need.

const PACE = { ...QUICK, WASSENGER_RATE_LIMIT_SECONDS: '0.25', WASSENGER_LOOKUP_SECONDS: '0.6' };
const SECRET = 'a-secret-that-nobody-guesses';
const HELD = {
  campaign: /^campaign 42 is held by another run \(process \d+ on \S+, begun \d{4}-\d\d-\d\dT\S+\)$/,
  line: /^the line is held by the run of campaign 42 \(process \d+ on \S+, begun \d{4}-\d\d-\d\dT\S+\)$/,
};

interface Scene {
  database: TestDatabase;
  place: Place;
  sandbox: Sandbox;
  folders: [string, string];
}

async function begin(dialect: 'postgres' | 'mysql', { onTestFinished }: TestContext): Promise<Scene> {
  const database = await createExistingDatabase(dialect);
  const place = new Place({ ...PACE, DATABASE_URL: database.url });
  onTestFinished(async () => {
    await place.leave();
    await database.drop();
  });
  const folders: [string, string] = [place.path('root'), place.path('home')];
  for (const folder of folders) mkdirSync(folder);
  return { database, place, sandbox: await place.sandbox('latency=5-60'), folders };
}

function expectHeld(outcome: Outcome, what: 'campaign' | 'line'): void {
  expect(outcome.code, outcome.stderr + outcome.stdout).toBe(7);
  const error = JSON.parse(outcome.stderr.trim().split('\n').at(-1) ?? '');
  const next = expect.stringContaining('the lease of a crashed run expires after 15 s');
  expect(error).toMatchObject({ type: 'error', code: 7, message: expect.stringMatching(HELD[what]), next });
  expect(events(outcome)).toEqual([]);
}

/** How much later than it was sent a message may be noted on a busy machine, in milliseconds. */
const STALL = 300;

/** By how many milliseconds a stretch of messages, whoever sent them, reached the provider in less than its delays. */
async function tooEarlyBy(sandbox: Sandbox, delayMs: number): Promise<number> {
  const times = (await sandbox.accepted()).map(({ at }) => Date.parse(at)).sort((a, b) => a - b);
  const gaps = times.slice(1).map((at, i) => at - (times[i] as number));
  let [early, most] = [0, 0];
  for (const gap of gaps) {
    early = Math.max(0, early + delayMs - gap);
    most = Math.max(most, early);
  }
  return most;
}

async function expectEachOnce(sandbox: Sandbox, count: number): Promise<void> {
  const phones = (await sandbox.accepted()).map(({ phone }) => phone);
  expect([phones.length, new Set(phones).size]).toEqual([count, count]);
}

for (const dialect of (['postgres', 'mysql'] as const).filter(isAvailable)) {
  // Each waits far more than it computes, so they go side by side.
  describe.concurrent(`two folders, one ${dialect} database, no Redis`, { timeout: 180_000 }, () => {
    it('one campaign resumed in both at the same instant is sent by one of them, to everyone once', async (test) => {
      const { place, sandbox, folders } = await begin(dialect, test);
      const outcomes = await Promise.all(folders.map((cwd) => place.run(['resume', '42', '--json'], { REDIS_URL: '' }, { cwd })));
      const [done, held] = outcomes.sort((a, b) => (a.code ?? 0) - (b.code ?? 0)) as [Outcome, Outcome];
      expect(done.code, done.stderr).toBe(0);
      expect(events(done).at(-1)).toMatchObject({ type: 'summary', sent: EXISTING.recipients, pending: 0, in_doubt: 0 });
      expectHeld(held, 'campaign');
      await expectEachOnce(sandbox, EXISTING.recipients);
    });

    it('two campaigns on one line are sent by one run at a time', async (test) => {
      const { database, place, sandbox, folders } = await begin(dialect, test);
      await database.query(`insert into campaigns (id, name, message_1, status) values (77, 'Next', 'Hello', 'draft')`);
      await database.query(
        'insert into campaign_categories (campaign_id, category_id) select 77, min(category_id) from campaign_categories where campaign_id = 42',
      );
      const slowly = ['--batch-size', '10', '--batch-pause', '8'];
      const first = place.start(['run', '--campaign', '42', '--json', ...slowly], {}, { cwd: folders[0] });
      await first.tells('sent');
      expectHeld(await place.run(['run', '--campaign', '77', '--json'], {}, { cwd: folders[1] }), 'line');
      expect((await first.ended).code).toBe(0);
      await expectEachOnce(sandbox, EXISTING.recipients);
      const second = await place.run(['run', '--campaign', '77', '--json'], {}, { cwd: folders[1] });
      expect(second.code, second.stderr).toBe(0);
    });

    it('a run in one sends the Message 2 that a listener in the other makes, before all else, and the pace of the line is kept', async (test) => {
      const [people, delayMs] = [16, 500];
      const database = await freshDatabase(dialect);
      const place = new Place({
        ...PACE,
        WASSENGER_RATE_LIMIT_SECONDS: String(delayMs / 1_000),
        WASSENGER_WEBHOOK_SECRET: SECRET,
        DATABASE_URL: database.url,
      });
      test.onTestFinished(async () => {
        await place.leave();
        await database.drop();
      });
      const port = await freePort();
      const webhook = `http://127.0.0.1:${port}/webhooks/wassenger/${SECRET}`;
      const replies = ['--fault', 'reply=1', '--fault', 'reply-after=50-300'];
      const sandbox = await place.sandboxWith(['--port', '0', '--webhook', webhook, ...replies]);
      place.people(people);
      for (const folder of ['root', 'home']) mkdirSync(place.path(folder));
      const [cwd, away] = [place.path('root'), place.path('home')];
      const arrived = async (text: string) => (await sandbox.accepted()).filter(({ message }) => message === text).length;
      const sentBy = (outcome: Outcome) => events(outcome).filter(({ type }) => type === 'sent').length;
      const listener = place.start(['listen', '--port', String(port), '--json'], {}, { cwd: away });
      await listener.says('"listening"');
      const run = (text: string) =>
        place.run(['run', '--csv', '../people.csv', '--message', text, '--message-2', `${text} 2`, '--yes', '--json'], {}, { cwd });

      const first = await run('One');
      expect(first.code, first.stderr).toBe(0);
      const byFirst = await arrived('One 2');
      expect(sentBy(first)).toBe(people + byFirst);
      expect(byFirst).toBeGreaterThan(0);
      // Then the listener has the line, for moments only: the next run waits until it has sent what there is.
      while ((await arrived('One 2')) === byFirst) await sleep(20);
      const second = await run('Two');
      expect(second.code, second.stderr).toBe(0);
      expect(sentBy(second)).toBeGreaterThan(people);
      while ((await arrived('Two 2')) < people) await sleep(200);

      const texts = (await sandbox.accepted()).map(({ phone, message }) => `${phone} ${message}`);
      expect(new Set(texts).size).toBe(4 * people);
      expect(texts).toHaveLength(4 * people);
      expect(await tooEarlyBy(sandbox, delayMs)).toBeLessThan(STALL);
      expect(listener.stderr()).not.toMatch(/Message 2 of campaign|held/);
      listener.process.kill('SIGTERM');
      expect((await listener.ended).code).toBe(143);
    });

    it('a run in one is seen, and paused, from the other, where nothing is left behind', async (test) => {
      const { place, folders } = await begin(dialect, test);
      const [there, here] = folders.map((cwd) => ({ cwd })) as [{ cwd: string }, { cwd: string }];
      const run = place.start(['run', '--campaign', '42', '--json', '--delay', '4'], {}, there);
      await run.tells('sent', 2);
      const state = async (at = here) => JSON.parse((await place.run(['status', '42', '--json'], {}, at)).stdout);
      expect(await state()).toMatchObject({ state: 'running', owner: { pid: run.process.pid }, next: null });
      const list = await place.run(['status'], {}, here);
      expect(list.stdout).toMatch(/^42 .* running /m);
      const verify = await place.run(['verify', '42'], {}, here);
      expect(verify.code).toBe(7);
      expect(verify.stderr).toContain(`campaign 42 is being sent (process ${run.process.pid} on `);

      const pause = await place.run(['pause', '42'], {}, here);
      expect([pause.code, pause.stdout], pause.stderr).toEqual([0, 'Campaign 42 is paused. Next: wsend resume 42\n']);
      const ended = await run.ended;
      expect(ended.code, ended.stderr).toBe(6);
      expect(events(ended).find(({ type }) => type === 'paused')).toMatchObject({ reason: 'pause', detail: 'asked for by wsend pause' });
      expect((await place.run(['pause', '42'], {}, here)).stdout).toBe('Campaign 42 is not running.\n');
      for (const at of [here, there])
        expect(await state(at)).toMatchObject({ state: 'paused', paused: { reason: 'pause' }, owner: null, next: 'wsend resume 42' });
      const limited = await place.run(['resume', '42', '--json', '--limit', '1'], {}, here);
      expect([limited.code, events(limited).find(({ type }) => type === 'paused')?.reason]).toEqual([6, 'limit']);
      expect([here, there].map(({ cwd }) => readdirSync(cwd))).toEqual([[], []]);
    });

    it('a run in one begins a whole delay after the last message of a run in the other', async (test) => {
      const { place, sandbox, folders } = await begin(dialect, test);
      const slowly = { WASSENGER_RATE_LIMIT_SECONDS: '1' };
      const first = place.start(['run', '--campaign', '42', '--json', '--limit', '3'], slowly, { cwd: folders[0] });
      expect((await first.ended).code).toBe(6);
      const second = place.start(['resume', '42', '--json'], slowly, { cwd: folders[1] });
      await second.tells('sent', 2);
      second.process.kill('SIGKILL');
      await second.ended;
      const third = await place.run(['resume', '42', '--json', '--limit', '2'], slowly, { cwd: folders[0] });
      expect(third.code, third.stderr).toBe(6);
      expect(await tooEarlyBy(sandbox, 1_000)).toBeLessThan(STALL);
    });

    it('a run that was killed in one is resumed in the other at once, and nobody gets it twice', async (test) => {
      const { place, sandbox, folders } = await begin(dialect, test);
      const first = place.start(['run', '--campaign', '42', '--json'], {}, { cwd: folders[0] });
      await first.tells('sent', 3);
      first.process.kill('SIGKILL');
      await first.ended;
      const second = await place.run(['resume', '42', '--json'], {}, { cwd: folders[1] });
      expect(second.code, second.stderr).toBe(0);
      expect(events(second).at(-1)).toMatchObject({ type: 'summary', sent: EXISTING.recipients, pending: 0, in_doubt: 0 });
      await expectEachOnce(sandbox, EXISTING.recipients);
    });

    it('a run that stopped in one and was killed in the other, with calls in flight, is resumed in the first without a duplicate', async (test) => {
      const { place, sandbox, folders } = await begin(dialect, test);
      const [home, away] = folders.map((cwd) => ({ cwd })) as [{ cwd: string }, { cwd: string }];
      expect((await place.run(['run', '--campaign', '42', '--json', '--limit', '5'], {}, home)).code).toBe(6);
      expect((await place.run(['resume', '42', '--json', '--limit', '1'], {}, home)).stderr).not.toContain('looking up');

      // Nobody is told that these were taken: no answer comes before the kill.
      await sandbox.set({ slow: '1', slowBy: '60000' });
      const second = place.start(['resume', '42', '--json'], {}, away);
      while ((await sandbox.accepted()).length < 8) await sleep(20);
      second.process.kill('SIGKILL');
      await second.ended;
      await sandbox.set({ slow: '0' });

      const third = await place.run(['resume', '42', '--json'], {}, home);
      expect(third.code, third.stderr).toBe(0);
      await expectEachOnce(sandbox, EXISTING.recipients);
      // Whom it had in flight is in the database, for whoever comes next: nobody else needs to be looked up.
      expect(third.stderr).not.toContain('looking up');
      expect(events(third).at(-1)).toMatchObject({ type: 'summary', sent: EXISTING.recipients, pending: 0, in_doubt: 0 });
    });

    it('a run that is suspended in one is taken over in the other after 15 s, and sends nothing more when it wakes up', async (test) => {
      const { database, place, sandbox, folders } = await begin(dialect, test);
      const first = place.start(['run', '--campaign', '42', '--json'], {}, { cwd: folders[0] });
      // Just after a write, so that it is not suspended with a transaction open.
      const written = async () => Number((await database.query('select sent_count as n from campaigns where id = 42'))[0]?.n);
      for (const before = await written(); (await written()) < before + 3; ) await sleep(20);
      first.process.kill('SIGSTOP');
      let second: Outcome;
      do second = await place.run(['resume', '42', '--json'], {}, { cwd: folders[1] });
      while (second.code === 7);
      expect(second.code, second.stderr).toBe(0);
      first.process.kill('SIGCONT');
      const woken = await first.ended;
      expect(woken.code, woken.stderr).toBe(7);
      await expectEachOnce(sandbox, EXISTING.recipients);
    });
  });
}
