import { setTimeout as wait } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../support/servers.ts';
import { standIn } from '../support/stand-in.ts';
import { Place, phones, QUICK, type Started } from './program.ts';

const SECRET = 'a-secret-that-nobody-guesses';
/** As databases hold numbers, and what is sent to. */
const STORED = ['+229 01 97 00 02 00', '00229-01-97-00-02-01', '2290197000202', '+55 41 98000-0005'];
const SECOND = `select count(*) as n from messages where message_type = 'message_2' and status <> 'pending'`;

const places: Place[] = [];
afterEach(async () => {
  for (const place of places.splice(0)) await place.leave();
});

async function makePlace(env: Record<string, string> = {}): Promise<Place> {
  const place = new Place({ ...QUICK, WASSENGER_RATE_LIMIT_SECONDS: '0', WASSENGER_WEBHOOK_SECRET: SECRET, ...env });
  places.push(place);
  expect((await place.run(['status'])).code).toBe(0);
  const rows = STORED.map(
    (number, i) => `
    insert into contacts (id, full_number, first_name) values (${i + 1}, '${number}', 'Afi');
    insert into messages (campaign_id, contact_id, message_type, content, status) values (1, ${i + 1}, 'message_1', 'Hello', 'pending');`,
  );
  change(place, `insert into campaigns (id, name, message_1, message_2) values (1, 'c', 'Hello', 'Thanks'); ${rows.join('')}`);
  return place;
}

function change(place: Place, text: string): void {
  const file = new DatabaseSync(place.path('wsend.db'), { timeout: 5_000 });
  file.exec(text);
  file.close();
}

function numberIn(place: Place, text: string): number {
  const file = new DatabaseSync(place.path('wsend.db'), { timeout: 5_000 });
  const row = file.prepare(text).get() as { n: number };
  file.close();
  return row.n;
}

async function until(place: Place, text: string, value: number): Promise<void> {
  while (numberIn(place, text) !== value) await wait(50);
}

/** A sandbox that words what comes back like this, a listener that is told, and the campaign sent. */
async function sent(
  ...faults: string[]
): Promise<{ place: Place; listener: Started; accepted(): Promise<{ phone: string; message: string }[]> }> {
  const port = await freePort();
  const place = await makePlace();
  const webhook = ['--webhook', `http://127.0.0.1:${port}/webhooks/wassenger/${SECRET}`];
  const all = ['reply=1', 'reply-after=100', 'delivered=1', 'delivered-after=20', 'answer-on=other', ...faults];
  const { accepted } = await place.sandboxWith(['--port', '0', ...webhook, ...all.flatMap((fault) => ['--fault', fault])]);
  const listener = place.start(['listen', '--port', String(port)]);
  await listener.says('Listening');
  const run = await place.run(['run', '--campaign', '1', '--yes']);
  expect(run.code, run.stderr).toBe(0);
  return { place, listener, accepted };
}

describe('what contacts answer, however their number is stored and the provider words it', { timeout: 120_000 }, () => {
  const shapes = [
    ['flat, by number'],
    ['nested, the number in the chat alone', 'shape=nested', 'identity=lid'],
    ['nested buttons, no number at all', 'shape=nested', 'identity=hidden', 'answer-as=button'],
    ['list rows, no number at all, quoting us', 'identity=hidden', 'answer-as=list', 'quote=ours'],
  ];
  it.each(shapes)('%s: each gets Message 2 once, on the line of Message 1', async (_, ...faults) => {
    const { place, accepted } = await sent('reply-text=Yes', ...faults);
    await until(place, SECOND, STORED.length);
    const second = (await accepted()).filter(({ message }) => message === 'Thanks');
    expect(new Set(second.map(({ phone }) => phone)).size).toBe(STORED.length);
    expect(second).toHaveLength(STORED.length);
    expect(numberIn(place, 'select count(distinct line) as n from wsend_message_2_lines')).toBe(1);
    expect(numberIn(place, `select count(*) as n from wsend_message_2_lines where line = '5a4db0c5e4d0000000000002'`)).toBe(0);
  });

  it.each([...shapes, ['edits', 'answer-as=edit']])('%s: each who says stop is stopped', async (_, ...faults) => {
    const { place } = await sent('reply-text=STOP SVP', ...faults);
    await until(place, `select count(*) as n from wsend_inbox where kind = 'reply' and done_at is not null`, STORED.length);
    const listed = (await place.run(['optout', 'list', '--json'])).stdout.trim().split('\n');
    expect(listed.filter((line) => line.includes('"phone":"+'))).toHaveLength(STORED.length);
    expect(numberIn(place, `select count(*) as n from messages where message_type = 'message_2'`)).toBe(0);
  });

  it('asked for instead: an agent notes STOP after each answer, and that stops nobody', async () => {
    const place = await makePlace();
    const faults = ['reply=1', 'reply-after=0', 'identity=hidden', 'agent=writes', 'delivered=1', 'delivered-after=0'];
    await place.sandboxWith(['--port', '0', ...faults.flatMap((fault) => ['--fault', fault])]);
    expect((await place.run(['run', '--campaign', '1', '--yes'])).code).toBe(0);
    place.start(['listen', '--port', '0', '--poll']);
    await until(place, SECOND, STORED.length);
    expect((await place.run(['optout', 'list', '--json'])).stdout).toBe('');
  });

  it('STOP in every shape of the papers stops the person, and Yes brings Message 2', async () => {
    const account = await standIn();
    const shapes = ['flat', 'nested', 'lid', 'quote', 'button', 'list', 'edit'] as const;
    const place = new Place({ ...QUICK, ...account.env, WASSENGER_RATE_LIMIT_SECONDS: '0', WASSENGER_WEBHOOK_SECRET: SECRET });
    places.push(place);
    const people = phones(2 * shapes.length);
    place.people(people.length);
    const messages = ['--message', 'Hello {{name}}', '--message-2', 'Thanks {{name}}'];
    expect((await place.run(['run', '--csv', 'people.csv', ...messages, '--yes'])).code).toBe(0);
    const listener = place.start(['listen', '--port', '0', '--json']);
    await listener.says(/"listening".*\n/);
    const { url } = JSON.parse(listener.stdout().split('\n')[0] as string) as { url: string };
    for (const [i, phone] of people.entries()) {
      const body = JSON.stringify(account.incoming(phone, i % 2 === 0 ? 'STOP' : 'Yes', shapes[i >> 1]));
      expect((await fetch(`${url}/webhooks/wassenger/${SECRET}`, { method: 'POST', body })).status, body).toBe(200);
    }
    const [stopped, pleased] = [0, 1].map((rest) => people.filter((_, i) => i % 2 === rest));
    await until(place, SECOND, shapes.length);
    expect(account.phones('Thanks')).toEqual(pleased?.sort());
    const listed = (await place.run(['optout', 'list', '--json'])).stdout.trim().split('\n');
    expect(listed.map((line) => JSON.parse(line).phone).sort()).toEqual(stopped?.sort());
    await account.close();
  });

  it('what is not understood is answered with 422 and told, and who is nobody is told', async () => {
    const place = await makePlace();
    const listener = place.start(['listen', '--port', '0', '--json']);
    await listener.says(/"listening".*\n/);
    const { url } = JSON.parse(listener.stdout().split('\n')[0] as string) as { url: string };
    const post = async (data: object) => {
      const body = JSON.stringify({
        event: 'message:in:new',
        data: { id: 'A1', type: 'text', flow: 'inbound', fromNumber: '+33612345678', ...data },
      });
      return (await fetch(`${url}/webhooks/wassenger/${SECRET}`, { method: 'POST', body })).status;
    };
    expect(await post({ type: 'buttons_response' })).toBe(422);
    expect(await post({ body: 'Who are you?' })).toBe(200);
    await listener.says('not understood (message:in:new: it has no words where they are looked for (type buttons_response))');
    await listener.says(/no contact fits 1 reply: from \+336\*+78/);
  });
});
