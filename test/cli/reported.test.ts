import { setTimeout as wait } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { describe, expect, it } from 'vitest';
import { type StandIn, standIn, type Taken } from '../support/stand-in.ts';
import { events, Place, phones, QUICK, type Started } from './program.ts';

// Answers are lost and the provider's list hides what it took: nobody can know, until a delivery report carries our reference.

const SECRET = 'a-secret-that-nobody-guesses';
const PEOPLE = 8;
const RUN = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--json'];

/** A listener, and what posts to its webhook. */
async function listen(place: Place): Promise<{ program: Started; url: string; post(body: unknown): Promise<number> }> {
  const program = place.start(['listen', '--port', '0', '--json']);
  await program.says(/"listening".*\n/);
  const { url } = JSON.parse(program.stdout().split('\n')[0] as string) as { url: string };
  const webhook = `${url}/webhooks/wassenger/${SECRET}`;
  const headers = { 'content-type': 'application/json' };
  const post = async (body: unknown) => (await fetch(webhook, { method: 'POST', body: JSON.stringify(body), headers })).status;
  return { program, url: webhook, post };
}

async function end({ program }: { program: Started }): Promise<void> {
  program.process.kill('SIGTERM');
  const { code, stderr } = await program.ended;
  expect(code, stderr).toBe(143);
}

/** Changes rows behind wsend's back. */
async function change(place: Place, statement: string): Promise<void> {
  const file = new DatabaseSync(place.path('wsend.db'), { timeout: 5_000 });
  file.exec(statement);
  file.close();
}

const statusOf = async (place: Place) => events(await place.run(['status', '1', '--json']))[0] as Record<string, unknown>;

async function until(place: Place, wanted: Record<string, unknown>): Promise<void> {
  for (let i = 0; i < 100; i += 1) {
    const state = await statusOf(place);
    if (Object.entries(wanted).every(([name, value]) => state[name] === value)) return;
    await wait(100);
  }
  expect(await statusOf(place)).toMatchObject(wanted);
}

describe('a delivery report that carries our reference', { timeout: 120_000 }, () => {
  /** A run that left the third and the sixth in doubt, and what the account took of them. */
  async function inDoubt(
    onTestFinished: (end: () => Promise<void>) => void,
    { flags = [], code = 3 }: { flags?: string[]; code?: number } = {},
  ): Promise<{ place: Place; account: StandIn; doubts: [Taken, Taken] }> {
    const account = await standIn();
    const place = new Place({ ...QUICK, ...account.env, WASSENGER_WEBHOOK_SECRET: SECRET });
    onTestFinished(() => place.leave());
    onTestFinished(() => account.close());
    place.people(PEOPLE);
    account.instead = (nth) => (nth === 3 || nth === 6 ? { taken: true, answer: 'reset' } : null);
    account.lists = () => false;
    const ended = await place.run([...RUN, '--concurrency', '1', ...flags]);
    expect(ended.code, ended.stderr).toBe(code);
    expect(events(ended).at(-1)).toMatchObject({ type: 'summary', in_doubt: 2, failed: 0 });
    return { place, account, doubts: [account.taken[2] as Taken, account.taken[5] as Taken] };
  }

  it('settles who is in doubt once wsend listen has it: status and verify agree, and resume ends with 0 and sends nothing', async ({
    onTestFinished,
  }) => {
    const { place, account, doubts } = await inDoubt(onTestFinished);
    const listener = await listen(place);
    const strange = { ...doubts[0], reference: `${doubts[0].reference.slice(0, -1)}x` };
    for (const one of [strange, doubts[0]]) expect(await listener.post(account.report(one, 'sent'))).toBe(200);
    await until(place, { sent: PEOPLE - 1, in_doubt: 1, pending: 0 });
    expect(await listener.post(account.report(doubts[1], 'delivered'))).toBe(200);
    await until(place, { sent: PEOPLE, in_doubt: 0, pending: 0, failed: 0 });
    await end(listener);
    account.lists = () => true;
    expect((await place.run(['verify', '1', '--json', '--rate', '200'])).code).toBe(0);
    account.lists = () => false;
    const resumed = await place.run(['resume', '1', '--json']);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(events(resumed).map(({ type }) => type)).toEqual(['plan', 'summary']);
    expect(account.twice()).toEqual([]);
    expect(account.taken).toHaveLength(PEOPLE);
    expect(await statusOf(place)).toMatchObject({ status: 'completed', sent: PEOPLE });
  });

  it('is told to the checkpoint of a campaign that was paused: nobody pending passes for one in doubt', async ({ onTestFinished }) => {
    const { place, account, doubts } = await inDoubt(onTestFinished, { flags: ['--limit', '6'], code: 6 });
    const listener = await listen(place);
    expect(await statusOf(place)).toMatchObject({ sent: 4, in_doubt: 2, pending: 2 });
    expect(await listener.post(account.report(doubts[0], 'sent'))).toBe(200);
    await until(place, { sent: 5, in_doubt: 1, pending: 2 });
    await end(listener);
    // A listener that was killed before it told the checkpoint.
    await change(place, `update messages set status = 'sent', whatsapp_message_id = '${doubts[1].waId}' where id = 6`);
    const resumed = await place.run(['resume', '1', '--json']);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(events(resumed)[0]).toMatchObject({ type: 'plan', pending: 2 });
    expect(events(resumed).filter(({ type }) => type === 'notice')).toEqual([]);
    expect(events(resumed).at(-1)).toMatchObject({ sent: PEOPLE, in_doubt: 0, pending: 0 });
    expect(account.phones()).toEqual(phones(PEOPLE).sort());
  });

  it('says that a message in doubt has failed: failed, with the code of the provider; reconcile finds nobody in doubt', async ({
    onTestFinished,
  }) => {
    const { place, account, doubts } = await inDoubt(onTestFinished);
    const listener = await listen(place);
    for (const one of doubts) expect(await listener.post(account.report(one, 'failed'))).toBe(200);
    await until(place, { sent: PEOPLE - 2, in_doubt: 0, failed: 2 });
    await end(listener);
    const reconciled = await place.run(['reconcile', '1', '--json']);
    expect(reconciled.code).toBe(3);
    expect(events(reconciled).at(-1)).toMatchObject({
      sent: PEOPLE - 2,
      failed: 2,
      in_doubt: 0,
      failures: [{ code: 'number:notfound', count: 2 }],
    });
    expect(account.taken).toHaveLength(PEOPLE);
  });

  it('reaches a run whose answers are lost and whose list is late: it ends with 0, everyone told and counted once', async ({
    onTestFinished,
  }) => {
    const place = new Place({ ...QUICK, WASSENGER_WEBHOOK_SECRET: SECRET });
    onTestFinished(() => place.leave());
    place.people(20);
    const listener = await listen(place);
    const sandbox = await place.sandboxWith([
      '--port',
      '0',
      '--webhook',
      listener.url,
      '--fault',
      'reset-after=0.4',
      '--fault',
      'lookup-delay=600000',
    ]);
    const ended = await place.run(RUN);
    expect(ended.code, ended.stderr).toBe(0);
    const sent = events(ended).flatMap(({ type, phone }) => (type === 'sent' ? [String(phone)] : []));
    expect(sent.sort()).toEqual(phones(20).sort());
    expect(events(ended).at(-1)).toMatchObject({ sent: 20, failed: 0, in_doubt: 0, pending: 0 });
    expect(await sandbox.accepted()).toHaveLength(20);
    expect(listener.program.stderr()).toBe('');
    await end(listener);
  });
});
