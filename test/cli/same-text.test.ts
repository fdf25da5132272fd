import { afterEach, describe, expect, it } from 'vitest';
import { events, type Outcome, Place, phones, QUICK, type Sandbox } from './program.ts';

let place: Place;
afterEach(() => place.leave());

async function begin(...faults: string[]): Promise<Sandbox> {
  place = new Place(QUICK);
  return place.sandbox(...faults);
}

const TEXT = ['--message', 'Hello, the meeting is on Friday'];
const file = (rows: string[], name = 'people.csv') => ['run', '--csv', place.write(name, `phone\n${rows.join('\n')}\n`), ...TEXT];
const one = (outcome: Outcome, type: string) => events(outcome).find((event) => event.type === type) as Record<string, number>;
const all = async (sandbox: Sandbox) => (await sandbox.accepted()).map(({ phone }) => phone).sort();
const sum = ({ sent, failed, pending, in_doubt, skipped }: Record<string, number>) =>
  [sent, failed, pending, in_doubt, skipped].reduce((whole: number, n) => whole + Number(n), 0);

async function inDatabase<T>(work: (file: InstanceType<typeof import('@photostructure/sqlite').DatabaseSync>) => T): Promise<T> {
  const { DatabaseSync } = await import('@photostructure/sqlite');
  const database = new DatabaseSync(place.path('wsend.db'), { timeout: 5_000 });
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** Rows that another program made, as a campaign of its own; returns its number. */
function campaignOf(rows: { number: string; status?: string; sent?: string; error?: string }[], text = TEXT[1] as string): Promise<number> {
  return inDatabase((database) => {
    const { id } = database
      .prepare(`insert into campaigns (name, message_1, status) values ('other', 'Hello', 'draft') returning id`)
      .get() as { id: number };
    for (const { number, status = 'pending', sent = null, error = null } of rows) {
      database.prepare('insert or ignore into contacts (full_number) values (?)').run(number);
      const contact = database.prepare('select id from contacts where full_number = ?').get(number) as { id: number };
      database
        .prepare(
          `insert into messages (campaign_id, contact_id, message_type, content, status, sent_at, error_message) values (?, ?, 'message_1', ?, ?, ${sent === null ? '?' : `datetime('now', ?)`}, ?)`,
        )
        .run(id, contact.id, text, status, sent, error);
    }
    return id;
  });
}

describe('the same text to the same person again', { timeout: 120_000 }, () => {
  it('a file that was sent with --skip-invalid, corrected, and run again: nobody gets it twice, and plan, status and report say who was left out', async () => {
    const sandbox = await begin();
    const [a, b, c, d, e, f] = phones(6);
    const rows = [a, b, c, d] as string[];
    const first = await place.run([...file([...rows, 'none', '+1']), '--skip-invalid', '--json']);
    expect(one(first, 'plan')).toMatchObject({ recent: 0, recent_left_out: true });
    const dry = await place.run([...file([...rows, e as string, 'none']), '--skip-invalid', '--dry-run', '--json']);
    expect(one(dry, 'dry_run')).toMatchObject({ total: 5, recent: 4, pending: 1 });
    const second = await place.run([...file([...rows, e as string, 'none']), '--skip-invalid', '--json']);
    expect(second.code, second.stderr).toBe(0);
    expect(one(second, 'plan')).toMatchObject({ total: 5, pending: 1, recent: 4, recent_left_out: true });
    expect(one(second, 'summary')).toMatchObject({ total: 5, sent: 1, skipped: 4, pending: 0, next: null });
    expect(second.stderr).toContain('4 of them left out: they had this very text lately');
    const third = await place.run([...file([...rows, e as string, f as string]), '--json']);
    expect(one(third, 'summary')).toMatchObject({ total: 6, sent: 1, skipped: 5 });
    expect(await all(sandbox)).toEqual(phones(6).sort());
    expect(sum(one(await place.run(['status', '3', '--json']), 'status'))).toBe(6);
    const today = new Date().toISOString().slice(0, 10);
    const report = await place.run(['report', '3', '--json']);
    expect(one(report, 'recipient')).toMatchObject({ status: 'skipped', reason: `skipped: had this text on ${today} (campaign 1)` });
  });

  it('when nobody is left no campaign is made, exit code 2; --again sends it; another text is another text', async () => {
    const sandbox = await begin();
    await place.run(file(phones(3)));
    const refused = await place.run(file(phones(2)));
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('everybody in this file had this very text lately');
    expect(one(await place.run(['status', '--json']), 'status').campaigns).toHaveLength(1);
    const again = await place.run([...file(phones(2)), '--again', '--json']);
    expect(one(again, 'plan')).toMatchObject({ pending: 2, recent: 2, recent_left_out: false });
    expect(one(again, 'summary')).toMatchObject({ sent: 2 });
    expect((await place.run(['run', '--csv', 'people.csv', '--message', 'Another text'])).code).toBe(0);
    expect(await sandbox.accepted()).toHaveLength(7);
  });

  it('however the number is spelled, within the days of the setting; who is in doubt counts, who failed does not', async () => {
    const sandbox = await begin();
    await place.run(['status']);
    await campaignOf([
      { number: '229 01 97 00 00 01', status: 'read', sent: '-2 days' },
      { number: '+554180000002', status: 'sent', sent: '-6 days' },
      { number: '+2290197000003', error: 'wsend: in doubt: no answer' },
      { number: '+2290197000004', status: 'failed', error: 'phone:invalid: none' },
      { number: '+2290197000005', status: 'sent', sent: '-8 days' },
      { number: '+2290197000006' },
    ]);
    const rows = ['+2290197000001', '+5541980000002', ...[3, 4, 5, 6].map((n) => `+229019700000${n}`)];
    const sent = await place.run([...file(rows), '--json']);
    expect(one(sent, 'summary')).toMatchObject({ total: 6, sent: 3, skipped: 3 });
    expect(await all(sandbox)).toEqual(rows.slice(3));
    const longer = await place.run([...file(rows.slice(0, 5), 'other.csv'), '--json', '--again'], { WSEND_SAME_TEXT_DAYS: '30' });
    expect(one(longer, 'plan')).toMatchObject({ recent: 5 });
    const off = await place.run([...file(rows.slice(0, 2), 'third.csv'), '--json'], { WSEND_SAME_TEXT_DAYS: '0' });
    expect(one(off, 'summary')).toMatchObject({ sent: 2, skipped: 0 });
  });

  it('a campaign of the database: said and sent off a terminal; left out with --skip-recent, pending with a note; asked at a terminal', async () => {
    const sandbox = await begin();
    const [a, b, c] = phones(3) as [string, string, string];
    await place.run(file([a]));
    const id = String(await campaignOf([{ number: a }, { number: b }]));
    const warned = await place.run(['run', '--campaign', id, '--json', '--limit', '1']);
    expect(one(warned, 'plan')).toMatchObject({ total: 2, pending: 2, recent: 1, recent_left_out: false });
    expect(warned.stdout).toContain('1 person had this very text in the last 7 days and gets it again');
    expect(await all(sandbox)).toEqual([a, a]);
    expect(one(await place.run(['resume', id, '--json']), 'summary')).toMatchObject({ sent: 2 });

    const other = String(await campaignOf([{ number: a }, { number: c }]));
    const left = await place.run(['run', '--campaign', other, '--skip-recent', '--json']);
    expect(one(left, 'plan')).toMatchObject({ total: 2, pending: 1, recent: 1, recent_left_out: true });
    expect(one(left, 'summary')).toMatchObject({ total: 2, sent: 1, skipped: 1, pending: 0 });
    expect((await place.run(['resume', other, '--json'])).code).toBe(0);
    expect(await all(sandbox)).toEqual([a, a, b, c]);
    expect(one(await place.run(['status', other, '--json']), 'status')).toMatchObject({ sent: 1, skipped: 1, status: 'completed' });

    const asked = String(await campaignOf([{ number: a }]));
    const run = place.startInTerminal(['run', '--campaign', asked], 200);
    await run.says('1 person had this very text in the last 7 days; --skip-recent leaves them out. Send to all 1 person now? [y/N]');
    run.process.stdin?.write('n\n');
    await run.ended;
    expect((await place.run(['run', '--campaign', asked, '--skip-recent'])).code).toBe(2);
    expect(await sandbox.accepted()).toHaveLength(4);
  });

  it('an interrupted campaign that is resumed after the corrected file was sent leaves out who had it from there', async () => {
    const sandbox = await begin();
    expect((await place.run([...file(phones(5)), '--limit', '2'])).code).toBe(6);
    expect((await place.run([...file(phones(6), 'corrected.csv')])).code).toBe(0);
    const resumed = await place.run(['resume', '1', '--json']);
    expect(one(resumed, 'summary')).toMatchObject({ total: 5, sent: 2, skipped: 3, exit_code: 0 });
    expect(await all(sandbox)).toEqual(phones(6).sort());
  });

  it('who was being sent to when a campaign was killed counts as having had it', async () => {
    const sandbox = await begin('slow=1', 'slow-by=60000');
    const killed = place.start(file(phones(4)));
    await expect.poll(async () => (await sandbox.accepted()).length, { timeout: 10_000 }).toBeGreaterThan(0);
    killed.process.kill('SIGKILL');
    await killed.ended;
    await sandbox.set({ slow: '0' });
    await place.run(file(phones(5), 'corrected.csv'));
    await place.run(['resume', '1', '--json']);
    expect(await all(sandbox)).toEqual(phones(5).sort());
  });

  it('a draft that was declined is taken up by the same command, not made again; with --again for those it left out, too', async () => {
    const sandbox = await begin();
    const [a, b] = phones(2) as [string, string];
    await place.run(file([a]));
    const declined = place.startInTerminal(file([a, b], 'both.csv'), 100);
    await declined.says('[y/N]');
    declined.process.stdin?.write('n\n');
    await declined.ended;
    const taken = await place.run([...file([a, b], 'both.csv'), '--dry-run', '--json']);
    expect(one(taken, 'dry_run')).toMatchObject({ recent: 1, pending: 1 });
    const again = await place.run([...file([a, b], 'both.csv'), '--again', '--json']);
    expect(again.stderr).toContain('Campaign 2 was made from both.csv earlier, and nothing was sent yet: this run continues it.');
    expect(one(again, 'summary')).toMatchObject({ campaign: 2, total: 2, sent: 2, skipped: 0 });
    expect(one(await place.run(['status', '--json']), 'status').campaigns).toHaveLength(2);
    expect(await all(sandbox)).toEqual([a, a, b]);
  });

  it('a rehearsal counts for nothing, and leaves nobody out', async () => {
    const sandbox = await begin();
    for (const _ of [1, 2]) expect(one(await place.run([...file(phones(2)), '--sandbox', '--json']), 'summary')).toMatchObject({ sent: 2 });
    expect(one(await place.run([...file(phones(2)), '--json']), 'summary')).toMatchObject({ sent: 2, skipped: 0 });
    expect(one(await place.run([...file(phones(2)), '--sandbox', '--json']), 'summary')).toMatchObject({ sent: 2 });
    expect(await sandbox.accepted()).toHaveLength(2);
  });
});
