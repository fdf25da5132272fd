import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { openSqlite } from '../../src/adapters/sql/open/sqlite.ts';
import { type FaultName, parseFaults } from '../../src/sandbox/faults.ts';
import { OTHER_DEVICE } from '../../src/sandbox/records.ts';
import { type RunningSandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox-server.ts';
import { sqliteSandboxStore } from '../../src/sandbox/sqlite-store.ts';
import { memorySandboxStore } from '../../src/sandbox/store.ts';
import { waitAfter } from '../../src/sandbox/webhook-sender.ts';
import { listenForEvents } from './listener.ts';

const PHONE = '+22997000017';
const DEVICE = '65aa00000000000000000001';
const QUICK = { deliveredAfter: '20', readAfter: '20', replyAfter: '60', reactAfter: '50', eventLateBy: '150' };
const ALL = { ...QUICK, delivered: '1', read: '1', reply: '1', react: '1' };

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function sandbox(faults: Partial<Record<FaultName, string>>, options: Partial<SandboxOptions> = {}): Promise<RunningSandbox> {
  const at = await startSandbox({
    port: 0,
    store: memorySandboxStore(),
    clock: { now: Date.now },
    faults: parseFaults(faults),
    ...options,
  });
  closers.push(() => at.close());
  return at;
}

async function listener(statusOf?: Parameters<typeof listenForEvents>[0]) {
  const listening = await listenForEvents(statusOf);
  closers.push(() => listening.close());
  return listening;
}

async function send({ url }: RunningSandbox, reference = 'r1', phone = PHONE): Promise<{ id: string; waId: string }> {
  const body = JSON.stringify({ phone, message: 'Hello', device: DEVICE, reference });
  const answer = await fetch(`${url}/messages`, { method: 'POST', headers: { token: 'x' }, body });
  return (await answer.json()) as { id: string; waId: string };
}

const get = async (url: string) => (await fetch(url, { headers: { token: 'x' } })).json() as Promise<never>;
const statistics = async ({ controlUrl }: RunningSandbox) => ((await get(`${controlUrl}/sandbox/stats`)) as { webhook: unknown }).webhook;
const ended = (at: RunningSandbox) => expect.poll(() => statistics(at), { timeout: 10_000 }).toMatchObject({ waiting: 0 });

describe('the webhook is told', () => {
  test('how far a message has come, what its contact answers and reacts, with the ids that the API answered', async () => {
    const { url, facts, kinds } = await listener();
    const at = await sandbox(ALL, { webhook: url });
    const before = Date.now();
    const { waId } = await send(at);
    await ended(at);
    expect(kinds().toSorted()).toEqual(['delivered', 'reaction', 'read', 'reply', 'sent']);
    expect(kinds().filter((kind) => !/^re[ap][cl]/.test(kind))).toEqual(['sent', 'delivered', 'read']);
    for (const fact of facts) {
      expect(fact).toMatchObject({ phone: PHONE, device: DEVICE });
      if (fact.kind === 'delivery') expect(fact.ids).toEqual({ waId, providerId: null });
      if (fact.kind === 'reaction') expect(fact).toMatchObject({ emoji: '👍', target: waId });
      if (fact.kind === 'reply') expect(fact).toMatchObject({ text: 'Yes' });
      if (fact.kind !== 'ignored' && fact.kind !== 'strange') expect(fact.at).toBeGreaterThanOrEqual(Math.floor(before / 1_000) * 1_000);
    }
    expect(await statistics(at)).toEqual({
      told: { sent: 1, delivered: 1, read: 1, reply: 1, reaction: 1 },
      refused: 0,
      givenUp: 0,
      waiting: 0,
    });
  });

  test("of a failure in a list, under the API's own id", async () => {
    const { url, facts, bodies } = await listener();
    const at = await sandbox({ failLater: '1', failAfter: '30' }, { webhook: url });
    const { id } = await send(at, 'r9');
    await ended(at);
    expect(bodies).toEqual([[expect.objectContaining({ event: 'message:out:failed', entityId: id })]]);
    expect(facts).toMatchObject([
      { kind: 'delivery', state: 'failed', ids: { waId: null, providerId: id }, reference: 'r9', failure: { code: 'number:notfound' } },
    ]);
  });

  test('again, after 200, 400, 800 ms and so on, until it answers with 200 to 209', async () => {
    expect([1, 2, 3, 4, 6, 7, 500].map(waitAfter)).toEqual([200, 400, 800, 1_600, 6_400, 10_000, 10_000]);
    const answers = [null, 302, 210, 204];
    const { url, kinds } = await listener((nth) => answers[nth - 1] as number | null);
    const at = await sandbox({}, { webhook: url });
    await send(at);
    await expect.poll(() => kinds().length, { timeout: 15_000 }).toBe(answers.length);
    await ended(at);
    expect(new Set(kinds())).toEqual(new Set(['sent']));
    expect(await statistics(at)).toEqual({ told: { sent: 1 }, refused: 3, givenUp: 0, waiting: 0 });
  });

  test('no more once it has refused for 24 minutes, an hour of the provider being a minute here', async () => {
    let ahead = 0;
    const { url } = await listener((nth) => {
      if (nth === 2) ahead = 24 * 60_000;
      return 500;
    });
    const at = await sandbox({}, { webhook: url, clock: { now: () => Date.now() + ahead } });
    await send(at);
    await expect.poll(() => statistics(at), { timeout: 10_000 }).toEqual({ told: {}, refused: 2, givenUp: 1, waiting: 0 });
  });

  test('twice of a share of events', async () => {
    const { url, facts } = await listener();
    const at = await sandbox({ ...ALL, eventRepeat: '1' }, { webhook: url });
    await send(at);
    await ended(at);
    expect(facts).toHaveLength(10);
    const [first] = facts.filter(({ kind }) => kind === 'reply');
    expect(facts.filter((fact) => JSON.stringify(fact) === JSON.stringify(first))).toHaveLength(2);
  });

  test('out of order of a share of events', async () => {
    const { url, facts } = await listener();
    const at = await sandbox({ delivered: '1', read: '1', ...QUICK, eventLate: '50%' }, { webhook: url });
    const ids = await Promise.all(Array.from({ length: 20 }, (_, i) => send(at, `r${i}`, `+229970000${10 + i}`)));
    await ended(at);
    const orders = ids.map(({ waId }) =>
      facts.flatMap((fact) => (fact.kind === 'delivery' && fact.ids.waId === waId ? [fact.state] : [])).join(),
    );
    expect(orders.filter((order) => order === 'sent,delivered,read').length).toBeLessThan(20);
    expect(orders.map((order) => order.split(',').toSorted().join())).toEqual(Array(20).fill('delivered,read,sent'));
  });

  test('of one number one after another, of several at once', async () => {
    let inFlight = 0;
    let most = 0;
    const { url } = await listener(async () => {
      most = Math.max(most, ++inFlight);
      await new Promise((resolve) => setTimeout(resolve, 30));
      inFlight--;
      return 200;
    });
    const at = await sandbox({ delivered: '1', deliveredAfter: '0', read: '1', readAfter: '0' }, { webhook: url });
    await send(at);
    await ended(at);
    expect(most).toBe(1);
    await Promise.all(Array.from({ length: 4 }, (_, i) => send(at, `r${i}`, `+229970000${10 + i}`)));
    await ended(at);
    expect(most).toBeGreaterThan(1);
  });

  test('of what a person does as the contact, who thereby has read what was sent', async () => {
    const { url, facts, kinds } = await listener();
    const at = await sandbox({}, { webhook: url });
    const { id, waId } = await send(at);
    const act = (what: string, body: object) => fetch(`${at.controlUrl}/sandbox/${what}`, { method: 'POST', body: JSON.stringify(body) });
    expect((await act('reply', { phone: '229 97 00 00 17', text: 'STOP' })).status).toBe(201);
    expect((await act('react', { message: id, emoji: '❤️' })).status).toBe(201);
    await ended(at);
    expect(kinds()).toEqual(['sent', 'delivered', 'read', 'reply', 'reaction']);
    expect(facts.slice(3)).toMatchObject([
      { text: 'STOP', phone: PHONE, device: DEVICE },
      { emoji: '❤️', target: waId },
    ]);
    expect(await (await act('read', { phone: PHONE })).json()).toEqual({ read: 0 });
    expect(await get(`${at.url}/messages/${id}`)).toMatchObject({ deliveryStatus: 'read' });
  });

  test('while the line is asked for nothing, nobody', async () => {
    const at = await sandbox(ALL);
    await send(at);
    expect(await statistics(at)).toBeNull();
  });
});

test.each([
  ['reply', 'nothing', 400],
  ['reply', { phone: 'x', text: 'a' }, 400],
  ['reply', { phone: PHONE, text: ' ' }, 400],
  ['reply', { phone: PHONE, text: 'x'.repeat(4_097) }, 400],
  ['reply', { phone: PHONE, text: 'a', device: 'x' }, 400],
  ['reply', [], 400],
  ['read', {}, 400],
  ['react', { message: 'x', emoji: '👍' }, 404],
  ['react', { message: 'x', emoji: 7 }, 400],
])('what no contact can do is refused: %s %j', async (act, body, status) => {
  const at = await sandbox({});
  const answer = await fetch(`${at.controlUrl}/sandbox/${act}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  expect(answer.status).toBe(status);
  expect(((await answer.json()) as { message: string }).message).not.toBe('');
  expect(await get(`${at.controlUrl}/sandbox/chats`)).toMatchObject({ chats: [] });
});

test('a sandbox with a file tells after a restart what it had not told, and nothing twice that was told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wsend-sandbox-'));
  closers.push(() => rmSync(folder, { recursive: true }));
  const open = async (webhook: string, faults: Partial<Record<FaultName, string>> = {}) => {
    const db = openSqlite<never>(join(folder, 'sandbox.db'));
    closers.push(() => db.destroy());
    return sandbox(faults, { store: await sqliteSandboxStore(db), webhook });
  };
  const first = await listener((nth) => (nth === 1 ? 200 : 503));
  const at = await open(first.url, { delivered: '1', deliveredAfter: '20', reply: '1', replyAfter: '40', eventRepeat: '0' });
  await send(at);
  await expect.poll(() => first.kinds().length).toBeGreaterThanOrEqual(3);
  await at.close();
  expect(first.kinds()[0]).toBe('sent');

  const second = await listener();
  const again = await open(second.url);
  await ended(again);
  expect(second.kinds().toSorted()).toEqual(['delivered', 'reply']);
  expect(await get(`${again.url}/chat/${DEVICE}/messages`)).toMatchObject([{ flow: 'inbound' }, { flow: 'outbound' }]);
});

describe('the provider words what comes back in several ways', () => {
  const LID = '171000079922@lid';
  const words = { ...ALL, replyText: 'STOP', quote: 'ours', answerOn: 'other' };

  for (const shape of ['flat', 'nested'])
    for (const [identity, who] of [
      ['number', { phone: PHONE }],
      ['lid', { phone: PHONE, aliases: [LID] }],
      ['hidden', { phone: null, aliases: [LID] }],
    ] as const)
      test(`${shape}, a contact called by ${identity}: whichever way, all is understood`, async () => {
        const { url, facts } = await listener();
        const ways = ['text', 'button', 'list', 'edit', 'order'] as const;
        for (const [i, answerAs] of ways.entries()) {
          const receipt = (['ack', 'status', 'event'] as const)[i % 3] as string;
          const reactOn = i % 2 === 0 ? 'own' : 'ours';
          const at = await sandbox({ ...words, shape, identity, answerAs, receipt, reactOn }, { webhook: url });
          const { waId } = await send(at, `r${i}`);
          await ended(at);
          const told = facts.splice(0);
          const states = told.flatMap((fact) => (fact.kind === 'delivery' ? [fact.state] : []));
          expect(states, `${answerAs} ${receipt}`).toEqual(['sent', 'delivered', 'read']);
          for (const fact of told) expect(fact).toMatchObject(who);
          const reply = told.find(({ kind }) => kind === 'reply');
          const text = answerAs === 'order' ? '' : 'STOP';
          expect(reply).toMatchObject({ text, quoted: waId, device: OTHER_DEVICE });
          expect('edited' in (reply ?? {}), answerAs).toBe(answerAs === 'edit');
          expect(told.find(({ kind }) => kind === 'reaction')).toMatchObject({ emoji: '👍', target: waId });
        }
      });
});
