import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { InfrastructureError, UsageError } from '../../src/errors.ts';
import { type FaultName, parseFaults } from '../../src/sandbox/faults.ts';
import { type RunningSandbox, SANDBOX_KEY, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox-server.ts';
import { memorySandboxStore } from '../../src/sandbox/store.ts';

const running: RunningSandbox[] = [];
afterEach(async () => {
  for (const sandbox of running.splice(0)) await sandbox.close();
});

async function sandbox(faults: Partial<Record<FaultName, string>> = {}, options: Partial<SandboxOptions> = {}): Promise<RunningSandbox> {
  const started = await startSandbox({
    port: 0,
    store: memorySandboxStore(),
    faults: parseFaults(faults),
    clock: { now: Date.now },
    ...options,
  });
  running.push(started);
  return started;
}

const BODY = { phone: '+22997000017', message: 'Hello', device: '65aa00000000000000000001', reference: 'wsend-42-17-k3v9x0qd' };

async function ask(url: string, { method = 'GET', body, token = SANDBOX_KEY }: { method?: string; body?: unknown; token?: string } = {}) {
  const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
  const answer = await fetch(url, { method, headers: { token }, ...sent });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    json: answer.headers.get('content-type')?.includes('json') && text !== '' ? JSON.parse(text) : undefined,
  };
}

const post = (at: RunningSandbox, body: unknown = BODY) => ask(`${at.url}/messages`, { method: 'POST', body });

describe('the sandbox', () => {
  test('takes a message as the real API does, and lists it', async () => {
    const at = await sandbox();
    const { status, json } = await post(at);
    expect(status).toBe(201);
    expect(json).toMatchObject({ ...BODY, wid: '22997000017@c.us', status: 'queued', deliveryStatus: 'queued' });
    expect(json.id).toMatch(/^[0-9a-f]{24}$/);
    expect(json.waId).toMatch(/^3EB0[0-9A-F]+$/);
    const listed = { ...json, status: 'processed', deliveryStatus: 'sent' };
    expect((await ask(`${at.url}/messages?reference=${BODY.reference}&device=${BODY.device}&size=20`)).json).toMatchObject([listed]);
    expect((await ask(`${at.url}/messages?phone=%2B22997000017`)).json).toHaveLength(1);
    expect((await ask(`${at.url}/messages?phone=+22997000017`)).json).toHaveLength(1);
    expect((await ask(`${at.url}/messages/${json.id}`)).json).toMatchObject(listed);
    for (const query of ['reference=wsend-42-17', 'phone=%2B22997000018', 'device=x', 'page=1'])
      expect((await ask(`${at.url}/messages?${query}`)).json).toEqual([]);
  });

  test('listens to this machine alone, and tells how it is reached', async () => {
    const at = await sandbox();
    expect(at.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1$/);
    expect((await ask(`${at.url}/devices/${at.device}`)).json).toMatchObject({
      id: at.device,
      status: 'operative',
      session: { status: 'online' },
    });
    expect((await ask(`${at.url}/devices`)).json).toMatchObject([{ id: at.device }]);
    expect((await ask(`${at.url}/devices/nonsense`)).status).toBe(404);
  });

  test.each([
    ['an unknown field', { ...BODY, priority: 'high' }, { errors: [{ path: 'priority' }] }],
    ['a number without +', { ...BODY, phone: '22997000017' }, { errorCode: 'phone:invalid' }],
    ['a number with spaces', { ...BODY, phone: '+229 97000017' }, { errorCode: 'phone:invalid' }],
    ['a number that is none', { ...BODY, phone: 22997000017 }, { errorCode: 'phone:invalid' }],
    ['no number', { ...BODY, phone: undefined }, { errors: [{ path: 'phone' }] }],
    ['no text', { ...BODY, message: '' }, { errors: [{ path: 'message' }] }],
    ['a text that is too long', { ...BODY, message: 'x'.repeat(6_001) }, { errors: [{ path: 'message' }] }],
    ['a device id that is none', { ...BODY, device: 'phone-1' }, { errorCode: 'device:invalid' }],
    ['a reference that is none', { ...BODY, reference: 7 }, { errors: [{ path: 'reference' }] }],
    ['an array', [BODY], {}],
    ['half an object', '{"phone":', {}],
    ['nothing', '', {}],
  ])('refuses %s with a 400 that says why, and takes nothing', async (_, body, expected) => {
    const at = await sandbox();
    const { status, json } = await post(at, body);
    expect(status).toBe(400);
    expect(json).toMatchObject({ status: 400, message: expect.any(String), ...expected });
    expect((await ask(`${at.controlUrl}/sandbox/messages`)).json).toEqual([]);
  });

  test('lets in any key but none, or only the one it is told', async () => {
    const open = await sandbox();
    expect((await ask(`${open.url}/devices`, { token: 'whatever' })).status).toBe(200);
    expect((await ask(`${open.url}/devices`, { token: '' })).status).toBe(401);
    const closed = await sandbox({}, { apiKey: 'the-one-and-only' });
    expect(closed.apiKey).toBe('the-one-and-only');
    expect((await ask(`${closed.url}/devices`, { token: 'the-one-and-only' })).status).toBe(200);
    expect((await ask(`${closed.url}/devices`)).json).toMatchObject({ status: 401 });
    expect((await fetch(`${closed.url}/messages`, { method: 'POST', body: JSON.stringify(BODY) })).status).toBe(401);
  });

  test('answers in JSON under every path and method', async () => {
    const at = await sandbox();
    for (const path of ['/v1/nothing', '/v1', '/v1/messages/', '/v1/devices/a/b', '/sandbox/', '/sandbox/nothing']) {
      expect((await ask(`${at.controlUrl}${path}`)).json).toMatchObject({ status: 404 });
    }
    expect((await ask(`${at.url}/messages/nothing`)).json).toMatchObject({ status: 404, errorCode: 'message:notfound' });
    for (const [method, path] of [
      ['PUT', '/v1/messages'],
      ['DELETE', '/v1/messages/1'],
      ['POST', '/v1/devices'],
      ['POST', '/sandbox/stats'],
      ['PUT', '/sandbox/faults'],
    ] as const) {
      const answer = await ask(`${at.controlUrl}${path}`, { method });
      expect(answer.json).toMatchObject({ status: 405 });
      expect(answer.headers.get('allow')).toContain('GET');
    }
    for (const query of ['size=0', 'size=101', 'size=x', 'page=-1', 'page=1.5'])
      expect((await ask(`${at.url}/messages?${query}`)).status).toBe(400);
  });

  test('refuses what is larger than 1 MB and goes on', async () => {
    const at = await sandbox();
    expect((await post(at, { ...BODY, message: 'x'.repeat(1_100_000) }).catch(() => ({ status: 413 }))).status).toBe(413);
    expect((await post(at)).status).toBe(201);
  });

  test('says when its port is taken, and what to do', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(sandbox({}, { port })).rejects.toThrow(UsageError);
    await expect(sandbox({}, { port })).rejects.toThrow(`port ${port} is taken`);
    await expect(sandbox({}, { host: '203.0.113.1' })).rejects.toThrow(InfrastructureError);
    server.close();
  });

  test('answers 500 when it could not keep a message, so that nobody believes it took it', async () => {
    const broken = { ...memorySandboxStore(), add: () => Promise.reject(new Error('the disk is full')) };
    expect(await post(await sandbox({}, { store: broken }))).toMatchObject({
      status: 500,
      json: { message: expect.stringContaining('the disk is full') },
    });
  });

  test('breaks open connections when it is closed', async () => {
    const at = await sandbox({ slow: '1' });
    const sending = post(at).catch(() => 'broken');
    while ((await ask(`${at.controlUrl}/sandbox/stats`)).json.taken === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await running.pop()?.close();
    expect(await sending).toBe('broken');
  });
});

describe('what people and tests see beside the API', () => {
  test('every message that was taken, and how often', async () => {
    const at = await sandbox();
    await post(at);
    await post(at);
    await post(at, { ...BODY, phone: 'x' });
    expect((await ask(`${at.controlUrl}/sandbox/messages`, { token: '' })).json).toMatchObject([
      { reference: BODY.reference, phone: BODY.phone, message: 'Hello', at: expect.stringMatching(/Z$/) },
      { reference: BODY.reference },
    ]);
    expect((await ask(`${at.controlUrl}/sandbox/stats`)).json).toMatchObject({
      requests: 5,
      sends: 3,
      taken: 2,
      duplicates: [{ reference: BODY.reference, count: 2 }],
      statuses: { 201: 2, 400: 1, 200: 1 },
      gaps: { count: 2, minMs: expect.any(Number), medianMs: expect.any(Number), maxMs: expect.any(Number) },
    });
  });

  test('faults are seen, changed one by one, and switched off', async () => {
    const at = await sandbox({ seed: '9' });
    const url = `${at.controlUrl}/sandbox/faults`;
    expect((await ask(url)).json).toMatchObject({ latency: '0', seed: '9' });
    expect((await ask(url, { method: 'POST', body: { throttle: 1, retryAfter: 3 } })).json).toMatchObject({
      throttle: '1',
      retryAfter: '3',
      seed: '9',
    });
    const throttled = await post(at);
    expect([throttled.status, throttled.headers.get('retry-after')]).toEqual([429, '3']);
    expect((await ask(url, { method: 'POST', body: { throttle: 'often' } })).json).toMatchObject({
      status: 400,
      message: expect.stringContaining('throttle is "often"'),
    });
    for (const body of ['', '{', 'null', '7']) expect((await ask(url, { method: 'POST', body })).status).toBe(400);
    expect((await ask(url, { method: 'DELETE' })).json).toMatchObject({ throttle: '0', seed: '1' });
    expect((await post(at)).status).toBe(201);
  });
});

describe('garbage', () => {
  async function raw(at: RunningSandbox, bytes: Buffer): Promise<string> {
    const socket = connect(Number(new URL(at.url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.end(bytes);
    await Promise.race([once(socket, 'close'), new Promise((resolve) => setTimeout(resolve, 500))]);
    socket.destroy();
    return answer;
  }

  test('that is no HTTP is answered in JSON', async () => {
    const at = await sandbox();
    expect(await raw(at, Buffer.from('hello\r\n\r\n'))).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*"status":400/);
    expect(await raw(at, Buffer.from(`GET / HTTP/1.1\r\na: ${'x'.repeat(100_000)}\r\n\r\n`))).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('of any kind never ends the sandbox', async () => {
    const at = await sandbox();
    const piece = fc.oneof(
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom(
          'POST /v1/messages HTTP/1.1\r\n',
          'GET //x?%%% HTTP/1.1\r\n',
          'token: a\r\n',
          'content-length: 5\r\n',
          'transfer-encoding: chunked\r\n',
          '\r\n',
          'zz\r\n',
          '{"a"',
        )
        .map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
        await raw(at, Buffer.concat(pieces));
      }),
      { numRuns: 60 },
    );
    expect((await post(at)).status).toBe(201);
  }, 60_000);

  test('in the body is refused with a 400', async () => {
    const at = await sandbox();
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async (body) => {
        const { status, json } = await post(at, body);
        expect(status).toBe(400);
        expect(json.status).toBe(400);
      }),
      { numRuns: 100 },
    );
  });
});
