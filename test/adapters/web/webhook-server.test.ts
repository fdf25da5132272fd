import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { wassengerWebhook } from '../../../src/adapters/wassenger/webhook.ts';
import { listenMetrics } from '../../../src/adapters/web/metrics.ts';
import { startWeb, type WebOptions } from '../../../src/adapters/web/webhook-server.ts';

const SECRET = 'a-secret-that-nobody-guesses';
const WEBHOOK = wassengerWebhook({ secret: SECRET, signingSecret: null });
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const web of open.splice(0)) await web.close();
});

async function start(options: Partial<WebOptions> = {}) {
  const taken: unknown[] = [];
  const metrics = listenMetrics(async () => ({ waiting: 3, oldestSeconds: 1.5 }));
  const take = async (body: unknown) => {
    taken.push(body);
    return null;
  };
  const web = await startWeb({
    ...{ host: '127.0.0.1', port: 0, webhook: WEBHOOK, metrics, take, health: async () => [] },
    ...options,
  });
  open.push(web);
  const post = (body: string | Buffer, { path = `/webhooks/wassenger/${SECRET}`, headers = {} } = {}) =>
    fetch(web.url + path, { method: 'POST', body: body as string, headers: { 'content-type': 'application/json', ...headers } });
  return { ...web, taken, post, metrics };
}

/** An inbox in which nothing is durable until it is let go. */
function held() {
  let letGo!: () => void;
  let arrive!: () => void;
  const free = new Promise<null>((resolve) => {
    letGo = () => resolve(null);
  });
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const take = () => {
    arrive();
    return free;
  };
  return { take, arrived, letGo };
}

describe('the webhook', () => {
  it('answers 200 once what it reports is durable, and not before', async () => {
    const inbox = held();
    const { post } = await start({ take: inbox.take });
    const order: string[] = [];
    const answer = post('{"event":"x"}').finally(() => order.push('answered'));
    await inbox.arrived;
    order.push('durable');
    inbox.letGo();
    expect((await answer).status).toBe(200);
    expect(order).toEqual(['durable', 'answered']);
  });

  it('answers 503 when it could not be made durable, so that the provider repeats it', async () => {
    const { post } = await start({ take: () => Promise.reject(new Error('the database is gone: postgres://user:password@host')) });
    const answer = await post('{}');
    expect([answer.status, await answer.text()]).toEqual([503, '{"message":"not taken, try again"}']);
  });

  it('answers 422 when it is not understood, so that the provider keeps it, and counts it', async () => {
    const { post, metrics } = await start({ take: async () => 'it has no id' });
    const answer = await post('{"event":"message:in:new"}');
    expect([answer.status, await answer.text()]).toEqual([422, '{"message":"not understood: it has no id"}']);
    expect(await metrics.text()).toContain('wsend_events_total{kind="call",result="not_understood"} 1');
  });

  it.each(['wrong', `${SECRET}x`, SECRET.slice(1), '%00', '%zz', 'x'.repeat(400), 'x'.repeat(10_000)])(
    'under a wrong secret is like any unknown address (%#)',
    async (secret) => {
      const { post, taken } = await start();
      const [wrong, unknown] = [await post('{}', { path: `/webhooks/wassenger/${secret}` }), await post('{}', { path: '/nothing/here' })];
      expect([wrong.status, await wrong.text()]).toEqual([404, await unknown.text()]);
      expect(unknown.status).toBe(404);
      expect(taken).toEqual([]);
    },
  );

  it('has no address where there is no secret', async () => {
    const { post } = await start({ webhook: null });
    expect((await post('{}')).status).toBe(404);
    expect((await post('{}', { path: '/webhooks/wassenger/null' })).status).toBe(404);
  });

  it('takes bodies of up to 1 MB, and refuses larger ones', async () => {
    const { post, taken } = await start();
    expect((await post(JSON.stringify('x'.repeat(1_000_000)))).status).toBe(200);
    expect((await post(JSON.stringify('x'.repeat(1_100_000)))).status).toBe(413);
    expect(taken).toHaveLength(1);
  });

  it('with a body that is no JSON is refused', async () => {
    const { post } = await start();
    for (const body of ['', '{', 'hello', '{"a":1}}', Buffer.from([0xff, 0xfe, 0x00])]) expect((await post(body)).status).toBe(400);
  });

  it('whatever it is sent, under whatever type, never breaks it', async () => {
    const { post, url } = await start();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.json(), fc.string()),
        fc.constantFrom('application/json', 'text/plain', 'x/y; charset=z'),
        async (body, type) => {
          expect([200, 400]).toContain((await post(body, { headers: { 'content-type': type } })).status);
        },
      ),
      { numRuns: 60 },
    );
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('with a signing secret is taken only when the signature is that of its bytes', async () => {
    const { post, taken, metrics } = await start({ webhook: wassengerWebhook({ secret: SECRET, signingSecret: 'signing-secret' }) });
    const body = '{"event": "x" }';
    const sign = (text: string, secret = 'signing-secret') => `sha256=${createHmac('sha256', secret).update(text).digest('hex')}`;
    const statusOf = async (signature?: string) =>
      (await post(body, { headers: signature === undefined ? {} : { 'X-Wassenger-Signature': signature } })).status;
    expect(await statusOf(sign(body))).toBe(200);
    for (const wrong of [undefined, '', 'sha256=', sign(`${body} `), sign(body, 'another'), sign(body).slice(0, -1)])
      expect(await statusOf(wrong)).toBe(401);
    expect(taken).toHaveLength(1);
    expect(await metrics.text()).toContain('wsend_events_total{kind="call",result="unsigned"} 6');
  });

  it('closes after it has answered what it has taken', async () => {
    const inbox = held();
    const { post, close } = await start({ take: inbox.take });
    const answer = post('{}');
    await inbox.arrived;
    const closed = close();
    inbox.letGo();
    expect((await answer).status).toBe(200);
    await closed;
  });

  it('a caller that sends half a request keeps nobody else from being answered', async () => {
    const { url, post } = await start();
    const half = connect(Number(new URL(url).port), '127.0.0.1');
    half.on('error', () => undefined);
    half.write(`POST /webhooks/wassenger/${SECRET} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{`);
    expect((await post('{}')).status).toBe(200);
    half.destroy();
  });
});

describe('a caller that takes its time', () => {
  const HEAD = `POST /webhooks/wassenger/${SECRET} HTTP/1.1\r\nhost: x\r\n`;

  it('is cut off after 10 s: a first line, headers or a body that drip, a second call that does, nothing at all', async () => {
    const { url } = await start();
    const drips = [
      ['', ''],
      ['POST ', '/'],
      [HEAD, 'x-a: b\r\n'],
      [`${HEAD}content-length: 1000\r\n\r\n`, ' '],
      [`GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n${HEAD}`, 'x-a: b\r\n'],
    ];
    const lasted = drips.map(async ([begin = '', drip = '']) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
      const startedAt = performance.now();
      socket.write(begin);
      const dripping = setInterval(() => socket.write(drip), 300);
      await once(socket.resume(), 'close');
      clearInterval(dripping);
      return performance.now() - startedAt;
    });
    for (const ms of await Promise.all(lasted)) {
      expect(ms).toBeGreaterThan(9_000);
      expect(ms).toBeLessThan(14_000);
    }
  });

  it('with hundreds of connections keeps nobody else out, nor whom is being answered', async () => {
    const inbox = held();
    let calls = 0;
    const { url, post } = await start({ take: () => (++calls === 1 ? inbox.take() : Promise.resolve(null)) });
    const first = post('{}');
    await inbox.arrived;
    const slow = Array.from({ length: 700 }, () => connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined));
    await Promise.all(
      slow.map((socket, i) => once(socket, 'connect').then(() => socket.write(i % 2 ? HEAD : `${HEAD}content-length: 9\r\n\r\n{`))),
    );
    for (let i = 0; i < 20; i += 1) expect((await post('{}')).status).toBe(200);
    await expect.poll(() => slow.filter((socket) => !socket.closed).length).toBeLessThanOrEqual(256);
    inbox.letGo();
    expect((await first).status).toBe(200);
    for (const socket of slow) socket.destroy();
  });
});

describe('beside the webhook', () => {
  it('/healthz says 200 only when all is well, and what is not', async () => {
    const problems: string[] = [];
    const { url } = await start({ health: async () => problems });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    problems.push('the database does not answer');
    const answer = await fetch(`${url}/healthz`);
    expect([answer.status, await answer.json()]).toEqual([503, { ready: false, problems }]);
  });

  it('/metrics counts in the format of Prometheus', async () => {
    const { url, metrics, post } = await start();
    await post('{}');
    metrics.event('reply', 'done');
    metrics.message2('made', 2);
    const text = await (await fetch(`${url}/metrics`)).text();
    for (const line of [
      'wsend_events_total{kind="reply",result="done"} 1',
      'wsend_message_2_total{result="made"} 2',
      'wsend_inbox_depth 3',
    ])
      expect(text).toContain(line);
    expect(text).toMatch(/wsend_webhook_duration_seconds_count\{status="200"\} 1/);
  });

  it('a port that is taken is said in one line', async () => {
    const { url } = await start();
    await expect(start({ port: Number(new URL(url).port) })).rejects.toThrow(
      /cannot listen on 127.0.0.1:\d+: another program listens there/,
    );
  });
});
