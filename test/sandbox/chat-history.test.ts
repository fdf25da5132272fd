import { afterEach, expect, test } from 'vitest';
import { type FaultName, parseFaults } from '../../src/sandbox/faults.ts';
import { type RunningSandbox, startSandbox } from '../../src/sandbox/sandbox-server.ts';
import { memorySandboxStore } from '../../src/sandbox/store.ts';

const DEVICE = '65aa00000000000000000001';
const [ANN, BOB] = ['+22997000017', '+22997000018'];

let at: RunningSandbox;
let now = Date.UTC(2026, 0, 1);
afterEach(() => at.close());

async function start(faults: Partial<Record<FaultName, string>> = {}): Promise<void> {
  now = Date.UTC(2026, 0, 1);
  at = await startSandbox({ port: 0, store: memorySandboxStore(), clock: { now: () => now }, faults: parseFaults(faults) });
}

async function send(phone: string, message: string): Promise<{ id: string; waId: string }> {
  const body = JSON.stringify({ phone, message, device: DEVICE, reference: `r ${message}` });
  const answer = await fetch(`${at.url}/messages`, { method: 'POST', headers: { token: 'x' }, body });
  return (await answer.json()) as { id: string; waId: string };
}

async function ask(query = '', device = DEVICE): Promise<{ status: number; json: Record<string, unknown>[] }> {
  const answer = await fetch(`${at.url}/chat/${device}/messages${query}`, { headers: { token: 'x' } });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown>[] };
}

const bodies = async (query = '') => (await ask(query)).json.map(({ body }) => body);
const reply = (phone: string, text: string) =>
  fetch(`${at.controlUrl}/sandbox/reply`, { method: 'POST', body: JSON.stringify({ phone, text }) });

test('a chat holds what both sides wrote, newest first, with the ids of WhatsApp', async () => {
  await start();
  const { waId } = await send(ANN, 'Message 1');
  await send(BOB, 'Message 1');
  now += 5_000;
  await reply(ANN, 'Yes');
  now += 5_000;
  await send(ANN, 'Message 2');
  const { json } = await ask('?chat=22997000017@c.us');
  expect(json).toMatchObject([
    { flow: 'outbound', ack: 'sent', body: 'Message 2', toNumber: ANN },
    {
      flow: 'inbound',
      type: 'text',
      body: 'Yes',
      fromNumber: ANN,
      timestamp: Date.UTC(2026, 0, 1) / 1_000 + 5,
      date: '2026-01-01T00:00:05.000Z',
    },
    { flow: 'outbound', ack: 'read', body: 'Message 1', id: waId, chat: { id: '22997000017@c.us' } },
  ]);
  expect(await bodies()).toHaveLength(4);
  expect(await bodies('?flow=inbound')).toEqual(['Yes']);
  expect(await bodies('?flow=outbound&size=2')).toEqual(['Message 2', 'Message 1']);
  expect(await bodies('?chat=22997000017@c.us&size=1&page=1')).toEqual(['Yes']);
  expect(await bodies('?chat=22997000017@c.us&size=1&page=3')).toEqual([]);
  expect(await bodies('?after=2026-01-01T00:00:05.000Z')).toEqual(['Message 2']);
  expect(await bodies(`?before=${Date.UTC(2026, 0, 1) / 1_000 + 5}&chat=22997000017@c.us`)).toEqual(['Message 1']);
  expect((await ask('', '65aa00000000000000000002')).json).toEqual([]);
});

test('what has not happened yet by the clock is neither listed nor counted', async () => {
  await start({ delivered: '1', deliveredAfter: '500', read: '1', readAfter: '1000', reply: '1', replyAfter: '2000' });
  const { id } = await send(ANN, 'Message 1');
  const seen = async () => {
    const listed = await (await fetch(`${at.url}/messages?size=1`, { headers: { token: 'x' } })).json();
    const shown = await (await fetch(`${at.url}/messages/${id}`, { headers: { token: 'x' } })).json();
    expect((listed as unknown[])[0]).toEqual(shown);
    return [(shown as { deliveryStatus: string }).deliveryStatus, (await bodies('?flow=inbound&before=2027-01-01T00:00:00Z')).length];
  };
  expect(await seen()).toEqual(['sent', 0]);
  now += 500;
  expect(await seen()).toEqual(['delivered', 0]);
  now += 1_000;
  expect(await seen()).toEqual(['read', 0]);
  now += 500;
  expect(await seen()).toEqual(['read', 1]);
});

test('a message that fails later is on its way until then', async () => {
  await start({ failLater: '1', failAfter: '1000' });
  const { id } = await send(ANN, 'Message 1');
  const shown = async () => (await fetch(`${at.url}/messages/${id}`, { headers: { token: 'x' } })).json();
  expect(await shown()).toMatchObject({ status: 'queued', deliveryStatus: 'processing' });
  expect((await ask()).json).toMatchObject([{ ack: 'pending' }]);
  now += 1_000;
  expect(await shown()).toMatchObject({ status: 'failed', failureReason: 'number:notfound', failedAt: '2026-01-01T00:00:01.000Z' });
  expect((await ask()).json).toMatchObject([{ ack: 'failed' }]);
});

test('messages are listed by their ids, and by when they were made', async () => {
  await start();
  const first = await send(ANN, 'Message 1');
  now += 5_000;
  const second = await send(BOB, 'Message 2');
  const list = async (query: string) => {
    const answer = await fetch(`${at.url}/messages?${query}`, { headers: { token: 'x' } });
    return answer.status === 200 ? ((await answer.json()) as { id: string }[]).map(({ id }) => id) : answer.status;
  };
  expect(await list(`ids=${first.id},${second.id}`)).toEqual([second.id, first.id]);
  expect(await list(`ids[]=${first.id}&ids[]=nothing`)).toEqual([first.id]);
  expect(await list('createdAfter=2026-01-01T00:00:00Z')).toEqual([second.id]);
  expect(await list('createdBefore=2026-01-01T00:00:05Z')).toEqual([first.id]);
  expect(await list('createdAfter=yesterday')).toBe(400);
});

test.each(['?size=0', '?size=101', '?page=-1', '?page=1e9', '?chat=x', '?chat=1@g.us', '?flow=x', '?after=x', '?before=yesterday'])(
  '%s is refused with a 400 that says why',
  async (query) => {
    await start();
    expect(await ask(query)).toMatchObject({ status: 400, json: { message: expect.any(String) } });
  },
);

test('it needs a key, a line and GET', async () => {
  await start();
  expect((await fetch(`${at.url}/chat/${DEVICE}/messages`)).status).toBe(401);
  expect((await ask('', 'nonsense')).status).toBe(404);
  expect((await fetch(`${at.url}/chat/${DEVICE}/messages`, { method: 'POST', headers: { token: 'x' } })).status).toBe(405);
});

test('the page is given its chats, newest first, and one of them', async () => {
  await start();
  await send(ANN, 'Message 1');
  now += 1_000;
  await send(BOB, 'Message 1');
  now += 1_000;
  await reply(ANN, 'Yes');
  const seen = await (await fetch(`${at.controlUrl}/sandbox/chats?phone=${encodeURIComponent(ANN)}`)).json();
  expect(seen).toMatchObject({
    chats: [
      { phone: ANN, from: 'contact', text: 'Yes' },
      { phone: BOB, from: 'line', text: 'Message 1', state: 'sent', emoji: '' },
    ],
    chat: {
      phone: ANN,
      entries: [
        { from: 'line', state: 'read' },
        { from: 'contact', text: 'Yes' },
      ],
    },
  });
  expect(await (await fetch(`${at.controlUrl}/sandbox/chats`)).json()).toMatchObject({ chat: null });
});

test('a chat is known by the hidden id of its contact, and holds what agents note for each other', async () => {
  await start({ identity: 'hidden', agent: 'writes' });
  await send(ANN, 'Message 1');
  now += 5_000;
  await reply(ANN, 'Yes');
  const { json } = await ask('?chat=171000079922@lid');
  expect(json).toMatchObject([
    { scope: 'note', body: 'STOP' },
    { flow: 'inbound', body: 'Yes', from: '171000079922@lid', chat: { id: '171000079922@lid', contact: {} } },
    { flow: 'outbound', body: 'Message 1', to: '171000079922@lid' },
  ]);
  expect(JSON.stringify(json)).not.toContain(ANN.slice(1));
});
