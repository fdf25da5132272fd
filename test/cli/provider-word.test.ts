import { describe, expect, it } from 'vitest';
import { type Answer, type StandIn, standIn } from '../support/stand-in.ts';
import { events, Place, phones, QUICK } from './program.ts';

// What the provider says is believed only as far as it proves something.

const RUN = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--json'];

async function sceneOf(people: number, onTestFinished: (end: () => Promise<void>) => void): Promise<{ place: Place; account: StandIn }> {
  const account = await standIn();
  const place = new Place({ ...QUICK, ...account.env });
  place.people(people);
  onTestFinished(() => place.leave());
  onTestFinished(() => account.close());
  return { place, account };
}

/** Some answers, by the number of their message. */
const odd =
  (which: (nth: number) => boolean, answer: Answer | 'reset', taken = true): StandIn['instead'] =>
  (nth) =>
    which(nth) ? { taken, answer } : null;

describe('what the provider says', { timeout: 120_000 }, () => {
  it.each<[string, Answer]>([
    ['an error', [200, { error: 'Something broke' }]],
    ['success: false', [200, { success: false }]],
    ['a web page', [200, '<html><body>Log in</body></html>']],
    ['nothing', [200, undefined]],
    ['an empty list', [200, []]],
    ['null', [200, null]],
    ['204', [204, undefined]],
    ['a message that failed', [201, { id: '65bb00000000000000000009', status: 'failed' }]],
    ["another's reference", [201, { id: '65bb00000000000000000009', reference: 'wsend-1-99-abcdefgh', status: 'queued' }]],
  ])('%s in place of every answer: nobody counts as sent by it, five end the run with 4, and it says what came', async (_, answer) => {
    const { place, account } = await sceneOf(12, (end) => closers.push(end));
    account.instead = odd((nth) => nth > 2, answer, false);
    const ended = await place.run([...RUN, '--concurrency', '1']);
    expect(ended.code, ended.stderr).toBe(4);
    expect(account.taken).toHaveLength(2);
    expect(events(ended).filter(({ type }) => type === 'sent')).toHaveLength(2);
    expect(events(ended).find(({ type }) => type === 'paused')).toMatchObject({
      reason: 'barred',
      detail: expect.stringMatching(/5 answers in a row.*answered 20/),
    });
    account.instead = () => null;
    await place.run(['resume', '1', '--json']);
    expect(account.twice()).toEqual([]);
    expect(account.phones()).toEqual(phones(12).sort());
    for (const end of closers.splice(0)) await end();
  });

  it('40 % of the answers lost and a list that is late: nobody twice, and in the end everybody once', async ({ onTestFinished }) => {
    const { place, account } = await sceneOf(20, onTestFinished);
    account.instead = odd((nth) => nth % 5 < 2, 'reset');
    account.lists = ({ at }) => Date.now() - at >= 900;
    let ended = await place.run(RUN);
    for (let i = 0; i < 5 && ended.code !== 0; i += 1) ended = await place.run(['resume', '1', '--json']);
    expect(account.twice()).toEqual([]);
    expect(account.phones()).toEqual(phones(20).sort());
    expect(ended.code, ended.stderr).toBe(0);
  });

  it.each<[string, () => boolean]>([
    ['always empty', () => false],
    ['lossy', () => Math.random() >= 0.4],
  ])('some answers lost, and a list that is %s: nobody twice, however often it is resumed', async (_, lists) => {
    const { place, account } = await sceneOf(20, (end) => closers.push(end));
    account.instead = odd((nth) => nth % 5 === 3, 'reset');
    account.lists = lists;
    await place.run(RUN);
    for (let i = 0; i < 2; i += 1) await place.run(['resume', '1', '--json']);
    expect(account.twice()).toEqual([]);
    expect(account.phones()).toEqual(phones(20).sort());
    account.lists = () => true;
    expect((await place.run(['resume', '1', '--json'])).code).toBe(0);
    expect(account.taken).toHaveLength(20);
    for (const end of closers.splice(0)) await end();
  });

  it('answers lost that were not taken, and a list that is well: sent again, once', async ({ onTestFinished }) => {
    const { place, account } = await sceneOf(20, onTestFinished);
    account.instead = odd((nth) => nth === 3 || nth === 9, 'reset', false);
    const ended = await place.run(RUN);
    expect(ended.code, ended.stderr).toBe(0);
    expect(account.phones()).toEqual(phones(20).sort());
  });

  it('403 on its list alone ends the run with 4, and nobody is assumed to be absent', async ({ onTestFinished }) => {
    const { place, account } = await sceneOf(12, onTestFinished);
    account.instead = odd((nth) => nth === 3, 'reset');
    account.listStatus = 403;
    expect((await place.run([...RUN, '--concurrency', '1'])).code).toBe(4);
    const assumed = await place.run(['reconcile', '1', '--assume', 'absent', '--json']);
    expect(assumed.code).toBe(4);
    expect(events(assumed).filter(({ type }) => type === 'assumed')).toEqual([]);
    account.listStatus = 200;
    expect((await place.run(['resume', '1', '--json'])).code).toBe(0);
    expect(account.twice()).toEqual([]);
    expect(account.phones()).toEqual(phones(12).sort());
  });

  it.each<[string, Answer]>([
    ['409 queue:rejected', [409, { status: 409, errorCode: 'queue:rejected', message: 'The queue refuses' }]],
    ['400 queue:rejected', [400, { status: 400, errorCode: 'queue:rejected' }]],
    ['131047', [400, { status: 400, message: 'Re-engagement message', errors: [{ code: 131047, message: '24 hours' }] }]],
    ['403', [403, { status: 403, message: 'Forbidden' }]],
  ])('%s ends the run with 4, and nobody has failed', async (_, answer) => {
    const { place, account } = await sceneOf(6, (end) => closers.push(end));
    account.instead = odd((nth) => nth > 2, answer, false);
    const ended = await place.run([...RUN, '--concurrency', '1']);
    expect(ended.code, ended.stderr).toBe(4);
    expect(events(ended).at(-1)).toMatchObject({ type: 'summary', sent: 2, failed: 0, pending: 4 });
    for (const end of closers.splice(0)) await end();
  });
});

const closers: (() => Promise<void>)[] = [];
