import { afterEach, describe, expect, it } from 'vitest';
import { events, type Outcome, Place, phones, QUICK, type Sandbox } from './program.ts';

// What a server does after a restart: every unfinished campaign goes on, one after another, whatever becomes of each.

const COUNT = 6;
const HEX = (digit: string) => digit.repeat(24);

let place: Place;
afterEach(() => place.leave());

const runOf = (name: string) => ['run', '--csv', place.people(COUNT, `${name}.csv`), '--message', `Hello {{name}} of ${name}`, '--json'];
const errorsOf = (outcome: Outcome) =>
  outcome.stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
const summaries = (outcome: Outcome) => events(outcome).filter(({ type }) => type === 'summary');

/** A campaign that was killed after its first send. */
async function killed(name: string): Promise<void> {
  const run = place.start([...runOf(name), '--delay', '2']);
  await run.tells('sent');
  run.process.kill('SIGKILL');
  await run.ended;
}

async function begin(): Promise<Sandbox> {
  place = new Place(QUICK);
  return place.sandbox();
}

describe('wsend resume --all', { timeout: 60_000 }, () => {
  it('after a restart of the machine every campaign goes on, and everybody gets each of them once', async () => {
    const sandbox = await begin();
    for (const name of ['one', 'two', 'three']) await killed(name);
    const all = await place.run(['resume', '--all', '--json', '--delay', '0.02']);
    expect(all.code, all.stderr).toBe(0);
    expect(summaries(all)).toMatchObject([1, 2, 3].map((campaign) => ({ campaign, sent: COUNT, pending: 0 })));
    const wanted = ['one', 'two', 'three'].flatMap((name) => phones(COUNT).map((phone, i) => `${phone} Hello Person ${i} of ${name}`));
    expect((await sandbox.accepted()).map(({ phone, message }) => `${phone} ${message}`).sort()).toEqual(wanted.sort());
    expect((await place.run(['resume', '--all', '--json'])).code).toBe(0);
  });

  it('with nothing to do it says so, and where it looked; not with --quiet', async () => {
    await begin();
    const stderr = 'Nothing to resume: no campaign in the SQLite file wsend.db is unfinished.\n';
    expect(await place.run(['resume', '--all'])).toMatchObject({ code: 0, stdout: '', stderr });
    expect(await place.run(['resume', '--all', '--quiet'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  it('a campaign that another run holds is said, keeps no other, and ends with 7 when nothing else is wrong', async () => {
    await begin();
    await killed('one');
    await killed('two');
    // On a line of its own, so that it is the campaign that is held and not the line.
    const other = place.start(['resume', '1', '--json', '--delay', '3'], { WASSENGER_DEVICE_ID: HEX('b') });
    await other.tells('plan');
    const all = await place.run(['resume', '--all', '--json', '--delay', '0.02']);
    expect(all.code, all.stderr).toBe(7);
    expect(errorsOf(all)).toMatchObject([
      { type: 'error', code: 7, campaign: 1, message: expect.stringContaining('campaign 1 is held by') },
    ]);
    expect(summaries(all)).toMatchObject([{ campaign: 2, sent: COUNT, pending: 0 }]);
    other.process.kill('SIGINT');
    expect((await other.ended).code).toBe(130);
  });

  it('a campaign that cannot go on keeps no other, and the exit code is the worst of all', async () => {
    const sandbox = await begin();
    await killed('one');
    await killed('two');
    const { DatabaseSync } = await import('@photostructure/sqlite');
    const file = new DatabaseSync(place.path('wsend.db'), { timeout: 5_000 });
    // As after a restore: the checkpoint of campaign 1 belongs to another campaign of that number.
    file.exec(`update campaigns set created_at = '2020-01-01 00:00:00' where id = 1`);
    file.close();
    await sandbox.set({ reject: phones(COUNT).at(-1) });
    const all = await place.run(['resume', '--all', '--json', '--delay', '0.02']);
    expect(all.code, all.stderr).toBe(2);
    expect(errorsOf(all)).toMatchObject([{ code: 2, campaign: 1, message: expect.stringContaining('belongs to another campaign') }]);
    expect(summaries(all)).toMatchObject([{ campaign: 2, sent: COUNT - 1, failed: 1, exit_code: 3 }]);
    const told = await place.run(['resume', '--all']);
    const words = /^Could not resume campaign 1:\nwsend: the checkpoint of campaign 1 belongs to another campaign .*\n {2}next: /m;
    expect([told.code, told.stderr]).toEqual([2, expect.stringMatching(words)]);
  });

  it('a line that is barred is said for each, and the code is 4', async () => {
    const sandbox = await begin();
    await killed('one');
    await killed('two');
    await sandbox.set({ refuse: 'plan' });
    const all = await place.run(['resume', '--all', '--json', '--delay', '0.02']);
    expect(all.code, all.stderr).toBe(4);
    expect(summaries(all)).toMatchObject([
      { campaign: 1, exit_code: 4 },
      { campaign: 2, exit_code: 4 },
    ]);
  });

  it('a signal ends it: the campaign under way is recorded, and no further one is begun', async () => {
    await begin();
    await killed('one');
    await killed('two');
    const all = place.start(['resume', '--all', '--json', '--delay', '1']);
    await all.tells('sent');
    all.process.kill('SIGTERM');
    const outcome = await all.ended;
    expect(outcome.code).toBe(143);
    expect(summaries(outcome)).toMatchObject([{ campaign: 1, exit_code: 143 }]);
  });
});
