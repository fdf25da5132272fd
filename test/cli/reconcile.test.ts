import { afterEach, describe, expect, it } from 'vitest';
import { redisProgram } from '../support/env.ts';
import { startRedis } from '../support/servers.ts';
import { expectComplaint, expectSum } from './expectations.ts';
import { events, Place, phones, QUICK, type Sandbox } from './program.ts';

// What a look-up cannot tell is settled by the operator's word, and by nothing else.

const COUNT = 12;
const RUN = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--json'];

/** The provider answers, and its list is empty: what is not in it may have been accepted all the same. */
const CANNOT_TELL = { lookupFail: '0', lookupLoss: '1' };

let place: Place;
const stores: (() => Promise<void>)[] = [];
afterEach(async () => {
  await place.leave();
  for (const stop of stores.splice(0)) await stop();
});

/** A campaign of which some are in doubt: their answers were lost, and look-ups tell nothing. */
async function inDoubt(env: Record<string, string> = {}): Promise<{ sandbox: Sandbox; doubted: string[] }> {
  place = new Place({ ...QUICK, ...env });
  place.people(COUNT);
  const sandbox = await place.sandbox('resetAfter=0.8', 'lookupFail=1');
  const run = await place.run([...RUN, '--concurrency', '1']);
  expect(run.code, run.stderr).toBe(3);
  const doubted = events(run).filter(({ type }) => type === 'in_doubt');
  expect(doubted.length).toBeGreaterThan(1);
  await sandbox.set({ resetAfter: '0' });
  return { sandbox, doubted: doubted.map(({ phone }) => String(phone)).sort() };
}

/** The numbers of those that were settled by the word. */
const assumedBy = (outcome: { stdout: string }) =>
  events(outcome)
    .filter(({ type }) => type === 'assumed')
    .map(({ phone }) => String(phone))
    .sort();

describe('wsend reconcile --assume', { timeout: 60_000 }, () => {
  it('assumes nothing of those about whom the provider did not answer', async () => {
    const { doubted } = await inDoubt();
    const outcome = await place.run(['reconcile', '1', '--assume', 'absent', '--json']);
    expect(outcome.code, outcome.stderr).toBe(3);
    expect(assumedBy(outcome)).toEqual([]);
    expect(events(outcome).at(-1)).toMatchObject({ type: 'summary', in_doubt: doubted.length });
    expect(outcome.stderr).toContain(`${doubted.length} recipients could not be looked up`);
  });

  it.each([
    ['key', 'the API key is refused'],
    ['access', 'may not send on this device (403)'],
    ['look-ups', 'may not read messages'],
  ])('assumes nothing while the key is refused (%s), which is no answer, and exits 4', async (refuse, words) => {
    const { sandbox, doubted } = await inDoubt();
    await sandbox.set({ lookupFail: '0', refuse });
    for (const command of [
      ['reconcile', '1', '--assume', 'absent'],
      ['resume', '1'],
    ]) {
      const outcome = await place.run([...command, '--json']);
      expect(outcome.code, outcome.stderr).toBe(4);
      expect(assumedBy(outcome)).toEqual([]);
      expect(events(outcome).at(-2)).toMatchObject({
        type: 'paused',
        reason: 'barred',
        detail: expect.stringContaining(words),
      });
      expect(events(outcome).at(-1)).toMatchObject({ type: 'summary', in_doubt: doubted.length, pending: 0, exit_code: 4 });
    }
    await sandbox.set({ refuse: 'nothing' });
    expect((await place.run(['resume', '1', '--json'])).code).toBe(0);
    expect((await sandbox.accepted()).map(({ phone }) => phone).sort()).toEqual(phones(COUNT));
  });

  it('settles by look-up what can be settled so, and leaves nothing to assume', async () => {
    const { sandbox, doubted } = await inDoubt();
    await sandbox.set({ lookupFail: '0' });
    const outcome = await place.run(['reconcile', '1', '--assume', 'absent', '--json']);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(assumedBy(outcome)).toEqual([]);
    expect(events(outcome).filter(({ type }) => type === 'sent')).toHaveLength(doubted.length);
    expect((await sandbox.accepted()).length).toBe(COUNT);
  });

  for (const store of ['the database', ...(redisProgram ? ['Redis'] : [])]) {
    const begin = async () => {
      if (store !== 'Redis') return inDoubt();
      const redis = await startRedis();
      stores.push(() => redis.stop());
      return inDoubt({ REDIS_URL: redis.url });
    };

    it(`sent: they count as sent, with a note in the database, and nobody is sent to again (${store})`, async () => {
      const { sandbox, doubted } = await begin();
      await sandbox.set(CANNOT_TELL);
      const outcome = await place.run(['reconcile', '1', '--assume', 'sent', '--json']);
      expect(outcome.code, outcome.stderr).toBe(0);
      expect(assumedBy(outcome)).toEqual(doubted);
      expect(outcome.stderr).toContain(`${doubted.length} recipients in doubt assumed to be sent`);
      const summary = events(outcome).at(-1) as Record<string, unknown>;
      expect(summary).toMatchObject({ type: 'summary', sent: COUNT, in_doubt: 0, pending: 0 });
      expectSum(summary);
      await sandbox.set({ refuse: 'nothing' });
      expect(await notes()).toEqual(doubted.map(() => 'wsend: assumed sent, on the word of the operator'));
      expect((await place.run(['resume', '1', '--json'])).code).toBe(0);
      expect((await sandbox.accepted()).map(({ phone }) => phone).sort()).toEqual(phones(COUNT));
    });

    it(`absent: they are pending again, and resume sends to them under the same reference (${store})`, async () => {
      const { sandbox, doubted } = await begin();
      const first = new Map((await sandbox.accepted()).map(({ phone, reference }) => [phone, reference]));
      await sandbox.set(CANNOT_TELL);
      const outcome = await place.run(['reconcile', '1', '--assume', 'absent', '--json']);
      expect(outcome.code, outcome.stderr).toBe(0);
      expect(assumedBy(outcome)).toEqual(doubted);
      expect(events(outcome).at(-1)).toMatchObject({ type: 'summary', pending: doubted.length, in_doubt: 0, next: 'wsend resume 1' });
      await sandbox.set({ refuse: 'nothing' });
      const resumed = await place.run(['resume', '1', '--json']);
      expect(resumed.code, resumed.stderr).toBe(0);
      // The provider had taken them all the same, as nobody could know: that is what the operator's word means.
      const again = events(resumed).filter(({ type }) => type === 'sent');
      expect(again.map(({ phone }) => phone).sort()).toEqual(doubted);
      for (const { phone, reference } of again) expect(reference).toBe(first.get(String(phone)));
    });
  }

  it('says whom it assumed what of, with masked numbers, and asks a person at a terminal first', async () => {
    const { sandbox, doubted } = await inDoubt();
    await sandbox.set(CANNOT_TELL);
    const those = `${doubted.length} recipients are in doubt. Recipients that the provider cannot confirm`;
    for (const [word, fate] of [
      ['absent', 'become pending: resume sends to them again, and they may receive the message twice'],
      ['sent', 'will be recorded as sent'],
    ] as const) {
      const asked = place.startInTerminal(['reconcile', '1', '--assume', word], 200);
      await asked.says('[y/N]');
      expect(asked.stdout()).toContain(`${those} ${fate}. Continue? [y/N]`);
      asked.process.stdin?.write('n\n');
      const refused = await asked.ended;
      expect(refused.stdout).toContain('Nothing was assumed.');
      expect(refused.code).toBe(2);
    }
    const told = await place.run(['reconcile', '1', '--assume', 'sent']);
    expect(told.code, told.stderr).toBe(0);
    expect(told.stderr.match(/assumed sent {2}\+229\*+11 /g)).toHaveLength(doubted.length);
    for (const phone of doubted) expect(told.stderr).not.toContain(phone);
  });

  it('takes no other word', async () => {
    place = new Place(QUICK);
    expectComplaint(await place.run(['reconcile', '1', '--assume', 'lost']), 2, '--assume is "lost"; allowed: sent, absent');
  });
});

async function notes(): Promise<unknown[]> {
  const { DatabaseSync } = await import('@photostructure/sqlite');
  const file = new DatabaseSync(place.path('wsend.db'), { timeout: 5_000 });
  const rows = file.prepare(`select error_message from messages where status = 'sent' and error_message is not null`).all();
  file.close();
  return (rows as { error_message: string }[]).map(({ error_message }) => error_message);
}
