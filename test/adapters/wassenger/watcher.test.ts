import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { wassengerWatcher } from '../../../src/adapters/wassenger/watcher.ts';

const LINE = '65aa00000000000000000001';
const NOW = Date.UTC(2026, 8, 1, 10);
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function watching(answer: (url: URL) => { status?: number; body: unknown }) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.headers.token} ${request.url}`);
    const { status = 200, body } = answer(new URL(request.url as string, 'http://x'));
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return { asked, watcher: wassengerWatcher({ apiKey: 'the-key-of-the-test', device: LINE, baseUrl, timeoutMs: 2_000, now: () => NOW }) };
}

describe('without a webhook', () => {
  it('how far messages are is read from their list, by both ids', async () => {
    const message = (n: number, more: object) => ({ id: `65bb0000000000000000000${n}`, waId: `WA${n}`, status: 'processed', ...more });
    const { watcher, asked } = await watching(() => ({
      body: [
        message(1, { deliveryStatus: 'readed', readAt: '2026-09-01T09:00:00.000Z' }),
        message(2, { deliveryStatus: 'failed', status: 'failed', failureReason: 'number:notfound' }),
        message(3, { deliveryStatus: 'queued', status: 'queued' }),
        message(4, { deliveryStatus: 'delivered', waId: undefined }),
      ],
    }));
    const listed = await watcher.deliveries(NOW - 1_000, 2);
    expect(listed).toMatchObject({
      more: false,
      facts: [
        { kind: 'delivery', state: 'read', ids: { waId: 'WA1', providerId: '65bb00000000000000000001' }, at: Date.UTC(2026, 8, 1, 9) },
        { kind: 'delivery', state: 'failed', failure: { code: 'number:notfound' } },
        { kind: 'delivery', state: 'delivered', ids: { waId: null, providerId: '65bb00000000000000000004' } },
      ],
    });
    expect(asked).toEqual([`the-key-of-the-test /v1/messages?device=${LINE}&createdAfter=2026-09-01T09%3A59%3A59.000Z&size=100&page=2`]);
  });

  it('what a contact wrote is read from the chat; what we wrote is a receipt', async () => {
    const wid = '22901000001@c.us';
    const common = { type: 'text', chat: { id: wid }, timestamp: NOW / 1_000 - 60 };
    const { watcher, asked } = await watching(() => ({
      body: [
        { ...common, id: 'IN1', flow: 'inbound', from: wid, body: 'Yes' },
        { ...common, id: 'OUT1', flow: 'outbound', ack: 'delivered', toNumber: '+22901000001' },
      ],
    }));
    expect(await watcher.chat('+22901000001')).toMatchObject({
      facts: [
        { kind: 'reply', waId: 'IN1', phone: '+22901000001', text: 'Yes', at: NOW - 60_000, device: LINE },
        { kind: 'delivery', state: 'delivered', ids: { waId: 'OUT1' } },
      ],
    });
    expect(asked[0]).toContain(`/v1/chat/${LINE}/messages?chat=22901000001%40c.us`);
  });

  it('what agents note is left out, a contact with a hidden id is asked for by it, and edits and reactions on our messages are read', async () => {
    const chat = { id: '77@lid' };
    const common = { type: 'text', chat, timestamp: NOW / 1_000 - 60 };
    const { watcher, asked } = await watching(() => ({
      body: [
        { ...common, id: 'IN1', flow: 'in', from: '77@lid', body: 'STOP', editedAt: '2026-09-01T09:59:30.000Z' },
        { ...common, id: 'NOTE', scope: 'note', from: '77@lid', body: 'call him' },
        { ...common, id: 'OUT1', flow: 'out', deliveryStatus: 'read', reactions: [{ reaction: '👍' }] },
        { ...common, id: 'OUT2', fromMe: true, body: 'from an agent' },
        { ...common, id: 'IN2', flow: 'in', from: '77@lid', type: 'buttons_response' },
      ],
    }));
    const listed = await watcher.chat('77@lid');
    expect(asked[0]).toContain('chat=77%40lid');
    expect(listed).toMatchObject({
      facts: [
        { kind: 'reply', waId: 'IN1', phone: null, aliases: ['77@lid'], text: 'STOP', edited: true },
        { kind: 'delivery', ids: { waId: 'OUT1' }, state: 'read' },
        { kind: 'reaction', target: 'OUT1', emoji: '👍', aliases: ['77@lid'] },
      ],
      strange: [{ reason: expect.stringContaining('buttons_response') }],
    });
    expect('facts' in listed && listed.facts).toHaveLength(3);
  });

  it.each([
    [{ status: 403, body: { message: 'not in your plan' } }, /not in your plan/],
    [{ status: 502, body: '<html>Bad gateway</html>' }, /502/],
    [{ body: 'nonsense' }, /could not be read/],
    [{ body: { data: 5 } }, /could not be read/],
  ])('an answer that is no list is a reason, never an error (%#)', async (answer, reason) => {
    const { watcher } = await watching(() => answer);
    const listed = await watcher.chat('+22901000001');
    expect('problem' in listed && listed.problem).toMatch(reason);
  });
});
