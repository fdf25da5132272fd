import { setTimeout as wait } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/adapters/sql/open/sql-database.ts';
import { Place, phones, QUICK, type Sandbox, type Started } from './program.ts';

const SECRET = 'a-secret-that-nobody-guesses';
const LINE = '65aa00000000000000000001';

const places: Place[] = [];
afterEach(async () => {
  for (const place of places.splice(0)) await place.leave();
});

/** A place with a campaign that was sent to so many people in a sandbox of its own. */
async function sentCampaign(count: number, ...faults: string[]): Promise<Place & { accepted: Sandbox['accepted'] }> {
  const place = new Place({ ...QUICK, WASSENGER_RATE_LIMIT_SECONDS: '0', WASSENGER_WEBHOOK_SECRET: SECRET });
  places.push(place);
  const { accepted } = await place.sandbox(...faults);
  place.people(count);
  const run = await place.run(['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--message-2', 'Thanks {{name}}']);
  expect(run.code, run.stderr).toBe(0);
  return Object.assign(place, { accepted });
}

async function listen(place: Place): Promise<{ program: Started; url: string; post(body: unknown): Promise<number> }> {
  const program = place.start(['listen', '--port', '0', '--json']);
  await program.says(/"listening".*\n/);
  const { url } = JSON.parse(program.stdout().split('\n')[0] as string) as { url: string };
  const post = async (body: unknown) => {
    const headers = { 'content-type': 'application/json' };
    const answer = fetch(`${url}/webhooks/wassenger/${SECRET}`, { method: 'POST', body: JSON.stringify(body), headers });
    return answer.then(({ status }) => status).catch(() => 0);
  };
  return { program, url, post };
}

async function query(place: Place, text: string): Promise<Record<string, unknown>[]> {
  const file = new DatabaseSync(place.path('wsend.db'), { timeout: 5_000 });
  try {
    return file.prepare(text).all() as Record<string, unknown>[];
  } finally {
    file.close();
  }
}

/** Waits until the query's only value is this. */
async function until(place: Place, text: string, value: unknown): Promise<void> {
  for (;;) {
    const [row] = await query(place, text);
    if (row !== undefined && Object.values(row)[0] === value) return;
    await wait(30);
  }
}

const reply = (phone: string, id: string, text = 'Yes') => ({
  ...{ id, object: 'message', event: 'message:in:new', created: Math.floor(Date.now() / 1_000), device: { id: LINE } },
  data: {
    ...{ id, flow: 'inbound', type: 'text', fromNumber: phone, from: `${phone.slice(1)}@c.us`, body: text },
    ...{ timestamp: Math.floor(Date.now() / 1_000), chat: { id: `${phone.slice(1)}@c.us` } },
  },
});
const ack = (id: string, state: string) => ({
  ...{ id, object: 'message', event: 'message:out:ack', created: Math.floor(Date.now() / 1_000), ack: state, device: { id: LINE } },
  data: { id, flow: 'outbound', ack: state },
});

const SECOND_ROWS = `select count(*) from messages where message_type = 'message_2'`;

describe('wsend listen', () => {
  it('records delivery by both ids, replies and a stop word, and makes each Message 2 once', async () => {
    const place = await sentCampaign(4);
    const { post, program, url } = await listen(place);
    const ids = await query(place, `select provider_id, message_id from wsend_provider_ids order by message_id, provider_id`);
    expect(ids).toHaveLength(8);
    const [first, , third] = phones(4) as [string, string, string];
    expect(await post(ack(ids[0]?.provider_id as string, 'read'))).toBe(200);
    expect(await post(ack(ids[3]?.provider_id as string, 'delivered'))).toBe(200);
    for (let i = 0; i < 3; i += 1) expect(await post([reply(first, 'A1')])).toBe(200);
    expect(await post(reply(first, 'A2'))).toBe(200);
    expect(await post(reply(third, 'B1', ' Arrêt '))).toBe(200);
    expect(await post({ event: 'group:update' })).toBe(200);
    await until(place, `select count(*) from wsend_inbox where done_at is not null`, 5);
    expect(await query(place, `select content from messages where message_type = 'message_2'`)).toEqual([{ content: 'Thanks Person 0' }]);
    expect(await query(place, `select status from messages where message_type = 'message_1' order by id`)).toEqual(
      ['read', 'delivered', 'sent', 'sent'].map((status) => ({ status })),
    );
    expect(await query(place, 'select interaction_count from campaigns')).toEqual([{ interaction_count: 3 }]);
    expect((await place.run(['optout', 'list', '--json'])).stdout).toContain(`"phone":"${third}"`);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('wsend_events_total{kind="reply",result="done"} 2');
    program.process.kill('SIGTERM');
    const { code, stderr, stdout } = await program.ended;
    expect(code).toBe(143);
    expect(stdout + stderr).not.toContain(SECRET);
  });

  it('sends one Message 2 after another without leaving anything behind of those before', async () => {
    const people = 13;
    const place = await sentCampaign(people);
    const { post, program } = await listen(place);
    for (const [i, phone] of phones(people).entries()) {
      expect(await post(reply(phone, `A${i}`))).toBe(200);
      await until(place, `${SECOND_ROWS} and status = 'sent'`, i + 1);
    }
    program.process.kill('SIGTERM');
    // Node warns of the eleventh listener on one signal.
    expect((await program.ended).stderr).not.toContain('Warning');
  });

  it('killed again and again while events pour in, loses none that it has answered and does nothing twice', async () => {
    const people = 20;
    const place = await sentCampaign(people);
    const names = await query(place, `select min(provider_id) as id from wsend_provider_ids group by message_id order by message_id`);
    const bodies = phones(people).flatMap((phone, i) => [
      reply(phone, `R${i}`),
      reply(phone, `S${i}`),
      ack(names[i]?.id as string, 'read'),
    ]);
    const answered = new Set<number>();
    for (let round = 0; answered.size < bodies.length; round += 1) {
      const { post, program } = await listen(place);
      const open = bodies.map((_, i) => i).filter((i) => !answered.has(i));
      // The provider repeats what was answered too.
      const wanted = [...open, ...[...answered].slice(0, 10)];
      const posting = wanted.map(async (i, at) => {
        await wait(at * 2);
        if ((await post(bodies[i])) === 200) answered.add(i);
      });
      if (round < 4) setTimeout(() => program.process.kill('SIGKILL'), 20 + 40 * round);
      await Promise.all(posting);
      if (round >= 4) expect(answered.size).toBe(bodies.length);
      program.process.kill('SIGKILL');
      await program.ended;
    }
    const { program } = await listen(place);
    await until(place, `select count(*) from wsend_inbox where done_at is null`, 0);
    await until(place, `${SECOND_ROWS} and status = 'sent'`, people);
    program.process.kill('SIGINT');
    expect((await program.ended).code).toBe(130);
    const accepted = await place.accepted();
    expect(new Set(accepted.map(({ reference }) => reference)).size).toBe(accepted.length);
    expect(await query(place, SECOND_ROWS)).toEqual([{ 'count(*)': people }]);
    expect(await query(place, `select count(*) as n from interactions`)).toEqual([{ n: 2 * people }]);
    expect(await query(place, `select interaction_count as n from campaigns`)).toEqual([{ n: 2 * people }]);
    expect(await query(place, `select count(*) as n from messages where status = 'read' and read_at is not null`)).toEqual([{ n: people }]);
  });

  it('refuses what it cannot make durable, says so, and takes it once the database is back', async () => {
    const place = await sentCampaign(1);
    const { post, url, program } = await listen(place);
    const other = await openDatabase(`sqlite:${place.path('wsend.db')}`);
    const { sql } = await import('kysely');
    await other.db.connection().execute(async (db) => {
      await sql`begin`.execute(db);
      expect(await post(reply(phones(1)[0] as string, 'A'))).toBe(503);
      const health = await fetch(`${url}/healthz`);
      // Why is for whoever runs it, and not for everybody.
      expect([health.status, await health.json()]).toEqual([503, { ready: false, problems: ['new reports cannot be stored'] }]);
      await program.says(/New reports cannot be stored: .*wsend\.db/);
      await sql`rollback`.execute(db);
    });
    await other.close();
    expect(await post(reply(phones(1)[0] as string, 'A'))).toBe(200);
    await until(place, SECOND_ROWS, 1);
  });

  it('a campaign is completed once everyone has had Message 2 or 24 h without a reply, and status says who was silent', async () => {
    const place = await sentCampaign(3);
    const { post, program } = await listen(place);
    await post(reply(phones(1)[0] as string, 'A'));
    await until(place, `${SECOND_ROWS} and status = 'sent'`, 1);
    program.process.kill('SIGTERM');
    await program.ended;
    const change = (text: string) => new DatabaseSync(place.path('wsend.db')).exec(text);
    const status = async () => JSON.parse((await place.run(['status', '1', '--json'])).stdout);
    expect(await status()).toMatchObject({ status: 'sending', replied: 1, no_interaction: 0, message_2: { sent: 1, pending: 0 } });
    const before = new Date(Date.now() - 25 * 3_600_000).toISOString().slice(0, 23).replace('T', ' ');
    change(`update messages set sent_at = '${before}' where id in (2, 3)`);
    expect(await status()).toMatchObject({ status: 'completed', state: 'completed', replied: 1, no_interaction: 2 });
  });

  it('wsend doctor says whether the address of the webhook answers', async () => {
    const place = await sentCampaign(1);
    const { url, program } = await listen(place);
    const doctor = (address: string) => place.run(['doctor'], { WASSENGER_WEBHOOK_URL: address });
    expect((await doctor(url)).stdout).toContain(`webhook       ${url} answers`);
    expect((await doctor(`${url}/`)).code).toBe(0);
    program.process.kill('SIGTERM');
    await program.ended;
    const gone = await doctor(url);
    expect([gone.code, gone.stdout]).toEqual([1, expect.stringMatching(/PROBLEM webhook .*cannot be reached/)]);
  });

  it('with --poll asks the provider for what a webhook would report', async () => {
    const place = await sentCampaign(2, 'delivered=1', 'deliveredAfter=0', 'reply=1', 'replyAfter=0');
    const program = place.start(['listen', '--port', '0', '--poll', '--json'], { WASSENGER_WEBHOOK_SECRET: '' });
    await until(place, `${SECOND_ROWS} and status <> 'pending'`, 2);
    await until(place, `select count(*) from messages where message_type = 'message_1' and status = 'delivered'`, 2);
    program.process.kill('SIGTERM');
    expect((await program.ended).code).toBe(143);
    const [counted] = await query(place, `select count(distinct contact_id) as n from interactions where interaction_type = 'reply'`);
    expect(counted).toEqual({ n: 2 });
  });

  it('without a secret says what is missing', async () => {
    const place = new Place();
    places.push(place);
    const { code, stderr } = await place.run(['listen', '--port', '0']);
    expect(code).toBe(2);
    expect(stderr).toContain('WASSENGER_WEBHOOK_SECRET is not set');
    const short = await place.run(['listen', '--port', '0'], { WASSENGER_WEBHOOK_SECRET: 'short-secret' });
    expect(short.code).toBe(2);
    expect(short.stderr).not.toContain('short-secret');
  });

  it('refuses a port that there is not', async () => {
    const place = new Place({ WASSENGER_WEBHOOK_SECRET: SECRET });
    places.push(place);
    for (const port of ['65536', '99999', '-1', 'http', '', '80.5']) {
      const { code, stderr } = await place.run(['listen', `--port=${port}`]);
      expect([port, code, stderr]).toEqual([port, 2, `wsend: --port is "${port}"; allowed: 0 (any free one) to 65535\n`]);
    }
  });
});

describe('wsend optout', () => {
  it('keeps a list of numbers, however they are typed', async () => {
    const place = new Place();
    places.push(place);
    expect((await place.run(['optout', 'list'])).code).toBe(0);
    const added = await place.run(['optout', 'add', '+229 01 00 00 11 11', '0100012222', '--country', 'BJ', '--json']);
    expect(JSON.parse(added.stdout)).toEqual({ type: 'optout', changed: 2, unchanged: 0, out: true });
    const bad = await place.run(['optout', 'add', '+2290100003333', 'hello']);
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining('"hello": not a phone number')]);
    expect((await place.run(['optout', 'remove', '+2290100001111', '+2290100009999', '--json'])).stdout).toContain(
      '"changed":1,"unchanged":1',
    );
    place.write('stop.csv', 'phone\n+2290100004444\n+2290100012222\nnobody\n');
    const imported = await place.run(['optout', 'import', 'stop.csv']);
    expect([imported.code, imported.stdout]).toEqual([3, expect.stringContaining('1 number put on the list')]);
    const listed = (await place.run(['optout', 'list', '--json'])).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(listed.map(({ phone, source }) => [phone, source])).toEqual([
      ['+2290100004444', 'import'],
      ['+2290100012222', 'command'],
    ]);
  });
});
