import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, type TestContext } from 'vitest';
import { type TcpProxy, tcpProxy } from '../adapters/sql/tcp-proxy.ts';
import { freshDatabase, isAvailable } from '../support/databases.ts';
import { type StandIn, standIn } from '../support/stand-in.ts';
import { expectTidy } from './expectations.ts';
import { events, type Outcome, Place, phones, QUICK, type Started } from './program.ts';

// A run loses its database and gets it back, with another run in between, from another folder. All that the two share is the database.

const COUNT = 160;
const RUN = ['run', '--csv', '../people.csv', '--message', 'Hello {{name}}', '--json'];
const PACE = { ...QUICK, WASSENGER_RATE_LIMIT_SECONDS: '0.03', WASSENGER_LOOKUP_SECONDS: '0.5' };
/** How long the connection is away, in milliseconds: a lease is over after 15 s, and another run has come and gone meanwhile. */
const AWAY = 20_000;

interface Scene {
  account: StandIn;
  proxy: TcpProxy;
  /** Through the proxy, and sending. */
  first: Started;
  /** Runs the program in the other folder, directly on the database. */
  elsewhere(args: string[]): Promise<Outcome>;
}

async function begin(dialect: 'postgres' | 'mysql', { onTestFinished }: TestContext): Promise<Scene> {
  const database = await freshDatabase(dialect);
  onTestFinished(() => database.drop());
  const proxy = await tcpProxy(database.url);
  onTestFinished(() => proxy.close());
  const account = await standIn();
  onTestFinished(() => account.close());
  const place = new Place({ ...PACE, ...account.env });
  onTestFinished(() => place.leave());
  place.people(COUNT);
  const [here, there] = [place.path('here'), place.path('there')];
  for (const folder of [here, there]) mkdirSync(folder);
  const first = place.start(RUN, { DATABASE_URL: proxy.url }, { cwd: here });
  await first.tells('sent', 30);
  const elsewhere = (args: string[]) => place.run([...args, '--json'], { DATABASE_URL: database.url }, { cwd: there });
  return { account, proxy, first, elsewhere };
}

/** What is resumed as often as another run is said to have the campaign, until then (as `Date.now()`). */
async function resumeOnceFree({ elsewhere }: Scene, args: string[], until: number): Promise<Outcome> {
  for (;;) {
    const outcome = await elsewhere(['resume', '1', ...args]);
    if (outcome.code !== 7 || Date.now() > until) return outcome;
    await sleep(200);
  }
}

/** Resumed for the last time, the campaign ends well, and the account took one message for each number. */
async function expectEachOnceInTheEnd({ account, elsewhere }: Scene): Promise<void> {
  const last = await elsewhere(['resume', '1']);
  expect(last.code, last.stderr).toBe(0);
  expect(events(last).at(-1)).toMatchObject({ type: 'summary', total: COUNT, sent: COUNT, pending: 0, in_doubt: 0 });
  expect(account.phones()).toEqual(phones(COUNT).sort());
}

for (const dialect of (['postgres', 'mysql'] as const).filter(isAvailable)) {
  // Each waits far more than it computes, so they go side by side.
  describe.concurrent(`a run whose connection to ${dialect} breaks`, { timeout: 120_000 }, () => {
    it('for so long that another run has sent meanwhile: it sends nothing more when it is back, and nobody gets it twice', async (test) => {
      const scene = await begin(dialect, test);
      const { account, proxy, first } = scene;
      await proxy.set('down');
      const since = Date.now();
      const second = await resumeOnceFree(scene, ['--limit', '40'], since + AWAY);
      expect(second.code, second.stderr).toBe(6);
      expect(events(second).filter(({ type }) => type === 'sent').length).toBeGreaterThanOrEqual(40);
      await sleep(since + AWAY - Date.now());
      const before = account.taken.length;
      await proxy.set('up');
      const woken = await first.ended;
      expect(account.twice()).toHaveLength(0);
      expect(woken.code, woken.stderr).toBe(7);
      expectTidy(woken);
      expect(account.taken).toHaveLength(before);
      await expectEachOnceInTheEnd(scene);
    });

    it('for so long, while its bytes vanish and nothing is refused: it goes on only where no other run could begin', async (test) => {
      const scene = await begin(dialect, test);
      const { account, proxy, first } = scene;
      await proxy.set('silent');
      const since = Date.now();
      const second = await resumeOnceFree(scene, ['--limit', '40'], since + AWAY);
      await sleep(since + AWAY - Date.now());
      await proxy.set('up');
      const woken = await first.ended;
      expect(account.twice()).toHaveLength(0);
      expect(second.code === 7 ? [0, 1, 7] : [1, 7], woken.stderr).toContain(woken.code);
      expectTidy(woken);
      await expectEachOnceInTheEnd(scene);
    });

    it('for 3 s: no other run may take its campaign, and it goes on to its end', async (test) => {
      const scene = await begin(dialect, test);
      const { account, proxy, first, elsewhere } = scene;
      await proxy.set('down');
      const since = Date.now();
      const second = await elsewhere(['resume', '1']);
      await sleep(since + 3_000 - Date.now());
      await proxy.set('up');
      const third = await elsewhere(['resume', '1']);
      const outcome = await first.ended;
      expect(account.twice()).toHaveLength(0);
      expect([second.code, third.code], second.stderr + third.stderr).toEqual([7, 7]);
      expect(JSON.parse(second.stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({ type: 'error', code: 7 });
      expect(outcome.code, outcome.stderr).toBe(0);
      expectTidy(outcome);
      expect(events(outcome).at(-1)).toMatchObject({ type: 'summary', sent: COUNT, pending: 0, in_doubt: 0 });
      expect(account.phones()).toEqual(phones(COUNT).sort());
    });
  });
}
