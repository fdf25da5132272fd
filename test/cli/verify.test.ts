import { afterEach, describe, expect, it } from 'vitest';
import { expectComplaint } from './expectations.ts';
import { events, Place, phones, QUICK, type Sandbox } from './program.ts';

// Both sides of the ledger: what is recorded here, and what the provider lists.

const COUNT = 12;
const PHONES = phones(COUNT);
const RUN = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--json'];
const VERIFY = ['verify', '1', '--json', '--rate', '200'];

let place: Place;
afterEach(() => place.leave());

async function begin(...faults: string[]): Promise<Sandbox> {
  place = new Place(QUICK);
  place.people(COUNT);
  return place.sandbox(...faults);
}

/** Changes rows behind wsend's back. */
async function change(statement: string): Promise<void> {
  const { DatabaseSync } = await import('@photostructure/sqlite');
  const file = new DatabaseSync(place.path('wsend.db'), { timeout: 5_000 });
  file.exec(statement);
  file.close();
}

describe('wsend verify', { timeout: 60_000 }, () => {
  it('exits 0 when both sides match, with failures, retries and messages that failed at the provider', async () => {
    const sandbox = await begin(`reject=${PHONES[3]}`, 'failLater=0.3', 'resetAfter=0.3');
    expect((await place.run(RUN)).code).toBe(3);
    const before = await place.run(VERIFY);
    expect(events(before)).toEqual([
      { type: 'verify', campaign: 1, match: true, total: COUNT, matching: COUNT, missing: 0, extra: 0, unchecked: 0, sandbox: false },
    ]);
    expect(before.code).toBe(0);
    await sandbox.set({ reject: '0', failLater: '0', resetAfter: '0' });
    expect((await place.run(['retry', '1'])).code).toBe(0);
    const after = await place.run(['verify', '1', '--rate', '200']);
    expect([after.code, after.stdout]).toEqual([0, `Campaign 1: the records here match what the provider lists, for ${COUNT} messages.\n`]);
  });

  it('names whom a database that went back has forgotten; resume knows by its counts, looks them up and sends to nobody again', async () => {
    const sandbox = await begin();
    expect((await place.run([...RUN, '--limit', '6'])).code).toBe(6);
    await change("update messages set status = 'pending', whatsapp_message_id = null, sent_at = null where id in (5, 6)");
    const verified = await place.run(VERIFY);
    expect(verified.code).toBe(3);
    const extra = events(verified).flatMap(({ type, message }) => (type === 'extra' ? [message] : []));
    expect(extra.sort()).toEqual([5, 6]);
    const resumed = await place.run(['resume', '1', '--json']);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(events(resumed).find(({ type }) => type === 'notice')).toMatchObject({
      text: expect.stringContaining('2 outcomes fewer in the database than its checkpoint counted'),
    });
    expect((await sandbox.accepted()).map(({ phone }) => phone).sort()).toEqual(PHONES);
    expect((await place.run(VERIFY)).code).toBe(0);
  });

  it('names whom a file that went back as a whole has forgotten; with a note in their rows they are looked up and not sent again', async () => {
    const sandbox = await begin();
    expect((await place.run([...RUN, '--limit', '6'])).code).toBe(6);
    await change("update messages set status = 'pending', whatsapp_message_id = null, sent_at = null where id in (5, 6)");
    await change("update wsend_entries set value = '4' where name = 'campaign:1:message_1' and field = 'sent'");
    const extra = events(await place.run(VERIFY)).flatMap(({ type, message }) => (type === 'extra' ? [message] : []));
    expect(extra.sort()).toEqual([5, 6]);
    await change(`update messages set error_message = 'wsend: in doubt: the database went back' where id in (${extra})`);
    const resumed = await place.run(['resume', '1']);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect((await sandbox.accepted()).map(({ phone }) => phone).sort()).toEqual(PHONES);
    expect((await place.run(VERIFY)).code).toBe(0);
  });

  it('exits 3 and names each recipient that is missing at the provider, extra there, or there twice', async () => {
    const sandbox = await begin();
    expect((await place.run([...RUN, '--limit', '10'])).code).toBe(6);
    // Rows 11 and 12 are pending. One never went out although we say so; one went out although we do not say so; one went out twice.
    await change(`update messages set status = 'sent', whatsapp_message_id = 'made-up' where id = 11`);
    await change(`update messages set status = 'pending', whatsapp_message_id = null where id = 2`);
    const [twice] = (await sandbox.accepted()).filter(({ phone }) => phone === PHONES[6]);
    const { WASSENGER_BASE_URL, WASSENGER_API_KEY, WASSENGER_DEVICE_ID } = place.env;
    const { reference, message } = twice as { reference: string; message: string };
    await fetch(`${WASSENGER_BASE_URL}/messages`, {
      method: 'POST',
      headers: { token: String(WASSENGER_API_KEY), 'content-type': 'application/json' },
      body: JSON.stringify({ phone: PHONES[6], message, device: WASSENGER_DEVICE_ID, reference }),
    });

    const json = await place.run(VERIFY);
    const found = events(json).slice(0, -1);
    expect(found.sort((a, b) => Number(a.message) - Number(b.message))).toMatchObject([
      { type: 'extra', campaign: 1, message: 2, phone: PHONES[1], ledger: 'pending', listed: 1 },
      { type: 'extra', message: 7, reference, phone: PHONES[6], ledger: 'sent', listed: 2, reason: 'the provider has it 2 times' },
      { type: 'missing', message: 11, phone: PHONES[10], ledger: 'sent', listed: 0 },
    ]);
    expect(events(json).at(-1)).toMatchObject({
      type: 'verify',
      match: false,
      total: COUNT,
      matching: 9,
      missing: 1,
      extra: 2,
      unchecked: 0,
    });
    expect(json.code).toBe(3);

    const text = await place.run(['verify', '1', '--rate', '200']);
    expect(text.stdout).toMatch(/^missing {4}\+229\*+11 {2}wsend-1-11-\w{8} {2}we say sent, and the provider has none$/m);
    expect(text.stdout).toMatch(/^Campaign 1: 9 matching, 1 missing, 2 extra, of 12 messages\.$/m);
    for (const phone of PHONES) expect(text.stdout).not.toContain(phone);
  });

  it('counts what only the checkpoint knows: after a kill those in doubt are named, and match once they are settled', async () => {
    const sandbox = await begin('slow=1', 'slowBy=60000');
    const run = place.start(RUN);
    while ((await sandbox.accepted()).length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    run.process.kill('SIGKILL');
    await run.ended;
    await sandbox.set({ slow: '0' });
    const taken = (await sandbox.accepted()).length;
    const outcome = await place.run(VERIFY);
    expect(outcome.code, outcome.stderr).toBe(3);
    expect(events(outcome).at(-1)).toMatchObject({ extra: taken, matching: COUNT - taken });
    expect(events(outcome)).toHaveLength(taken + 1);
    for (const one of events(outcome).slice(0, -1)) expect(one).toMatchObject({ type: 'extra', ledger: 'in_doubt' });
    expect((await place.run(['resume', '1'])).code).toBe(0);
    expect((await place.run(VERIFY)).code).toBe(0);
    expect(await sandbox.accepted()).toHaveLength(COUNT);
  });

  it('with --sandbox, of a rehearsal, asks the stand-in, without a key', async () => {
    place = new Place(QUICK);
    place.people(COUNT);
    expect((await place.run([...RUN, '--sandbox'])).code).toBe(0);
    const outcome = await place.run(['verify', '1', '--sandbox', '--json']);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(events(outcome)).toMatchObject([{ type: 'verify', match: true, total: COUNT, sandbox: true }]);
  });

  it('a message that is listed late is waited for', async () => {
    const sandbox = await begin();
    expect((await place.run(RUN)).code).toBe(0);
    await sandbox.set({ lookupDelay: '4000' });
    const outcome = await place.run(VERIFY, { WASSENGER_LOOKUP_SECONDS: '6' });
    expect([outcome.code, events(outcome).at(-1)?.missing]).toEqual([0, 0]);
  });

  it('exits 4 when the key is refused, and 1 when nobody answers', async () => {
    const sandbox = await begin();
    expect((await place.run(RUN)).code).toBe(0);
    await sandbox.set({ refuse: 'key' });
    expectComplaint(await place.run(['verify', '1', '--rate', '200']), 4, 'the campaign cannot be verified: the API key is refused');
    sandbox.process.kill('SIGKILL');
    const silent = await place.run(VERIFY);
    expect(silent.code).toBe(1);
    expect(events(silent).at(-1)).toMatchObject({ type: 'verify', matching: 0, unchecked: COUNT });
  });

  it('says nothing after its error and ends at once when the provider is not there', async () => {
    await begin();
    place.people(40);
    expect((await place.run(RUN)).code).toBe(0);
    const started = place.start(VERIFY, { WASSENGER_BASE_URL: 'http://127.0.0.1:9/v1' });
    await started.says('the campaign cannot be verified: no answer');
    const [begun, told] = [Date.now(), started.stdout()];
    const { code, stdout } = await started.ended;
    expect([code, stdout]).toEqual([1, told]);
    expect(events({ stdout })).toHaveLength(20);
    expect(Date.now() - begun).toBeLessThan(2_000);
  });

  it('exits 7 while the campaign is being sent', async () => {
    const sandbox = await begin();
    const run = place.start([...RUN, '--delay', '1']);
    await run.tells('sent');
    expectComplaint(await place.run(['verify', '1']), 7, /campaign 1 is being sent \(process \d+ on .+\)/);
    run.process.kill('SIGINT');
    expect((await run.ended).code).toBe(130);
    expect((await place.run(VERIFY)).code).toBe(0);
    expect((await sandbox.accepted()).length).toBeLessThan(COUNT);
  });

  it('asks no faster than it is told', async () => {
    await begin();
    expect((await place.run(RUN)).code).toBe(0);
    const begun = Date.now();
    expect((await place.run(['verify', '1', '--rate', '10'])).code).toBe(0);
    expect(Date.now() - begun).toBeGreaterThanOrEqual(1_100);
    for (const rate of ['0', '-1', 'x', '2000'])
      expectComplaint(
        await place.run(['verify', '1', `--rate=${rate}`]),
        2,
        `--rate is "${rate}"; allowed: look-ups per second from 0.1 to 1000`,
      );
  });
});
