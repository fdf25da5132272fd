import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { cleanKey } from '../../../src/adapters/wassenger/api-account.ts';
import { lazyWassengerProvider } from '../../../src/adapters/wassenger/lazy-provider.ts';
import { UsageError } from '../../../src/errors.ts';
import { certificate } from './certificate.ts';
import { answering, closing, DEVICE, http, KEY, LATER, MESSAGE, providerAt, tcpServer, WANTED } from './support.ts';

const UNEXPECTED = { kind: 'unknown', unexpected: true };
const ACCEPTED = { kind: 'accepted', providerId: '65bb00000000000000000009', whatsappId: null };
const CREATED = http('201 Created', '{"id":"65bb00000000000000000009"}');

describe('a send', () => {
  test('carries key, number, text, device, reference and how often to try, and nothing else', async () => {
    const server = await answering([CREATED]);
    const content = 'Bonjour Zoë 😀 "quoted"\n\u2028 last';
    expect(await providerAt(server.url, { apiKey: `  Token ${KEY}\n` }).send({ ...MESSAGE, content }, LATER)).toEqual(ACCEPTED);
    const [head = '', body = ''] = Buffer.from(server.received(), 'latin1').toString().split('\r\n\r\n');
    expect(head).toMatch(/^POST \/v1\/messages HTTP\/1.1\r\n/);
    expect(head.toLowerCase()).toContain(`\r\ntoken: ${KEY}`);
    expect(head.toLowerCase()).toContain('\r\ncontent-type: application/json');
    expect(JSON.parse(body)).toEqual({ phone: MESSAGE.phone, message: content, device: DEVICE, reference: MESSAGE.reference, retries: 3 });
  });

  test('keeps its connection for the next one', async () => {
    const server = await answering([CREATED]);
    const provider = providerAt(server.url);
    for (let i = 0; i < 5; i++) expect(await provider.send(MESSAGE, LATER)).toEqual(ACCEPTED);
    expect(server.connections()).toBe(1);
  });

  test('is made once, whatever happens', async () => {
    for (const answer of [
      http('503 Service Unavailable'),
      http('429 Too Many', '', 'retry-after: 0\r\n'),
      http('302 Found', '', 'location: /v1/other\r\n'),
    ]) {
      const server = await answering([answer]);
      await providerAt(server.url).send(MESSAGE, LATER);
      expect(server.received().match(/HTTP\/1.1/g)).toHaveLength(1);
    }
  });

  test('answered in pieces is accepted', async () => {
    const server = await answering([
      'HTTP/1.1 20',
      '1 Created\r\ntransfer-enc',
      'oding: chunked\r\n\r\n',
      '8\r\n{"id":"a\r\n',
      '3\r\nb"}\r\n0\r\n\r\n',
    ]);
    expect(await providerAt(server.url).send(MESSAGE, LATER)).toEqual({ ...ACCEPTED, providerId: 'ab' });
  });

  test.each([
    ['cut in its body', 'HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{"id":"65bb0'],
    ['cut in a chunk', 'HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n40\r\n{"id":'],
    ['garbage after its head', 'HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'],
  ])('whose good answer is %s is unknown, for it lacks the id of the message', async (_, bytes) => {
    const server = await answering([bytes], (socket) => socket.destroy());
    expect(await providerAt(server.url).send(MESSAGE, LATER)).toMatchObject(UNEXPECTED);
  });

  test('whose good answer never ends is unknown when the time is over', async () => {
    const server = await answering(['HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{']);
    expect(await providerAt(server.url, { timeoutMs: 200 }).send(MESSAGE, LATER)).toMatchObject(UNEXPECTED);
  });

  test('whose good answer is huge is unknown, and the rest of it is not read', async () => {
    const server = await tcpServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 201 Created\r\n\r\n{"id":"');
        const pour = () => {
          while (!socket.destroyed && socket.write('x'.repeat(65_536)));
        };
        socket.on('drain', pour);
        pour();
      });
    });
    expect(await providerAt(server.url).send(MESSAGE, LATER)).toMatchObject(UNEXPECTED);
  });

  test('that is refused with a huge page is still refused', async () => {
    const server = await answering([`HTTP/1.1 402 Payment Required\r\n\r\n${'<p>'.repeat(1_000_000)}`]);
    expect(await providerAt(server.url).send(MESSAGE, LATER)).toMatchObject({ kind: 'barred', code: 'http:402' });
  });

  test.each([
    ['reset', (socket: import('node:net').Socket) => socket.resetAndDestroy()],
    ['closed', (socket: import('node:net').Socket) => socket.end()],
    ['answered with what is no HTTP', (socket: import('node:net').Socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n')],
    ['answered with half a status line', (socket: import('node:net').Socket) => socket.end('HTTP/1.1 20')],
    [
      'answered with endless headers',
      (socket: import('node:net').Socket) => socket.end(`HTTP/1.1 201 Created\r\na: ${'x'.repeat(200_000)}`),
    ],
  ])('on a connection that is then %s may have been taken', async (_, end) => {
    const server = await tcpServer((socket) => socket.once('data', () => end(socket)));
    expect(await providerAt(server.url).send(MESSAGE, LATER)).toMatchObject({ kind: 'unknown', offline: false });
    expect(server.connections()).toBe(1);
  });

  test('waits for its answer longer than an idle connection is kept', async () => {
    const server = await tcpServer((socket) => socket.on('data', () => setTimeout(() => socket.write(CREATED), 4_600)));
    const provider = providerAt(server.url, { timeoutMs: 10_000 });
    expect(await Promise.all([provider.send(MESSAGE, LATER), provider.send(MESSAGE, LATER)])).toEqual([ACCEPTED, ACCEPTED]);
    expect(server.connections()).toBe(2);
  });

  test('that gets no answer in time may have been taken', async () => {
    const server = await tcpServer(() => {});
    const started = Date.now();
    expect(await providerAt(server.url, { timeoutMs: 300 }).send(MESSAGE, LATER)).toMatchObject({ kind: 'unknown', code: 'ETIMEDOUT' });
    expect(Date.now() - started).toBeLessThan(2_000);
  });

  test('on a kept connection that the server has just reset may have been taken', async () => {
    const server = await tcpServer((socket, connection) => {
      let requests = 0;
      socket.on('data', () => (connection === 1 && ++requests === 2 ? socket.resetAndDestroy() : socket.write(CREATED)));
    });
    const provider = providerAt(server.url);
    expect(await provider.send(MESSAGE, LATER)).toEqual(ACCEPTED);
    expect(await provider.send(MESSAGE, LATER)).toMatchObject({ kind: 'unknown', code: 'ECONNRESET' });
    expect(await provider.send(MESSAGE, LATER)).toEqual(ACCEPTED);
  });
});

describe('a send that surely never left', () => {
  test('is unavailable when nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await new Promise((closed) => server.close(closed));
    expect(await providerAt(`http://127.0.0.1:${port}/v1`).send(MESSAGE, LATER)).toMatchObject({
      kind: 'unavailable',
      code: 'ECONNREFUSED',
    });
  });

  test('is unavailable when the name is not known', async () => {
    const made = await providerAt('http://api.wsend.invalid/v1').send(MESSAGE, LATER);
    expect(made).toMatchObject({ kind: 'unavailable', code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) });
  });

  test('is unavailable when the certificate is not trusted, or the server speaks no TLS', async () => {
    const server = createTlsServer(certificate(), (socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing(() => void server.close());
    const { port } = server.address() as AddressInfo;
    expect(await providerAt(`https://127.0.0.1:${port}/v1`).send(MESSAGE, LATER)).toMatchObject({
      kind: 'unavailable',
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
    const plain = await answering([http('400 Bad Request')]);
    expect((await providerAt(plain.url.replace('http:', 'https:')).send(MESSAGE, LATER)).kind).toBe('unavailable');
  });

  test('is unavailable when the secure connection is not made in time', async () => {
    const server = await tcpServer(() => {});
    const made = await providerAt(server.url.replace('http:', 'https:'), { timeoutMs: 300 }).send(MESSAGE, LATER);
    expect(made).toMatchObject({ kind: 'unavailable', code: 'ETIMEDOUT' });
    expect(server.received()).not.toContain('POST');
  });

  test('is unavailable when the server hangs up during the handshake', async () => {
    const server = await tcpServer((socket) => socket.once('data', () => socket.destroy()));
    expect((await providerAt(server.url.replace('http:', 'https:')).send(MESSAGE, LATER)).kind).toBe('unavailable');
  });

  test('is unavailable after the provider was closed only if nothing was written', async () => {
    const server = await tcpServer(() => {});
    const provider = providerAt(server.url);
    const sending = provider.send(MESSAGE, LATER);
    while (server.received() === '') await new Promise((resolve) => setTimeout(resolve, 5));
    await provider.close();
    expect((await sending).kind).toBe('unknown');
  });
});

describe('many sends at once', () => {
  test('each get the answer that is theirs', async () => {
    const server = await tcpServer((socket) => {
      socket.on('data', (chunk) => {
        const { reference } = JSON.parse(String(chunk).split('\r\n\r\n')[1] as string);
        setTimeout(() => socket.write(http('201 Created', JSON.stringify({ id: reference }))), Math.random() * 20);
      });
    });
    const provider = providerAt(server.url);
    const references = Array.from({ length: 300 }, (_, i) => `wsend-1-${i}-aaaaaaaa`);
    const made = await Promise.all(references.map((reference) => provider.send({ ...MESSAGE, reference }, LATER)));
    expect(made).toEqual(references.map((reference) => ({ kind: 'accepted', providerId: reference, whatsappId: null })));
  });
});

describe('the API key', () => {
  test.each([KEY, ` ${KEY} `, `Token ${KEY}`, `token: ${KEY}`, `Bearer ${KEY}\n`, `BEARER\t${KEY}`])(
    '%j is taken for what it is',
    (pasted) => {
      expect(cleanKey(pasted)).toBe(KEY);
    },
  );

  test.each(['', '  ', 'Token ', 'two\nlines', 'kéy', 'nul\0'])('%j is refused before anything is sent', (pasted) => {
    expect(() => cleanKey(pasted)).toThrow(UsageError);
  });

  test('never shows, even when the server says it aloud', async () => {
    const echo = [
      http(
        '400 Bad Request',
        JSON.stringify({ message: `bad key ${KEY}`, errorCode: KEY, errors: [{ code: KEY, path: KEY, message: KEY }] }),
      ),
      http(
        '401 Unauthorized',
        JSON.stringify({ message: [...KEY].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join('') }).replaceAll('\\\\', '\\'),
      ),
      http('500 Oops', `<h1>${KEY}</h1>`),
      http('429 Slow', JSON.stringify([{ message: `${'x'.repeat(190)}${KEY}` }])),
      http('200 OK', JSON.stringify({ id: KEY, waId: KEY, status: KEY, alias: KEY, phone: KEY, session: { status: KEY } })),
      http(
        '200 OK',
        JSON.stringify([
          { reference: MESSAGE.reference, phone: MESSAGE.phone, device: DEVICE, id: KEY, status: 'failed', failureReason: KEY },
        ]),
      ),
      `HTTP/1.1 200 ${KEY}\r\n${KEY}`,
    ];
    for (const answer of echo) {
      const server = await answering([answer], (socket) => socket.end());
      const provider = providerAt(server.url);
      for (const told of [await provider.send(MESSAGE, LATER), await provider.lookUp(WANTED), await provider.askLine()]) {
        expect(JSON.stringify(told)).not.toContain(KEY);
        expect(JSON.stringify(told)).not.toContain(KEY.slice(0, 10));
      }
    }
  });
});

test.each(['', 'api.wassenger.com', 'ftp://api.wassenger.com', 'http://'])(
  'the base URL %j is refused before anything is sent',
  (baseUrl) => {
    expect(() => lazyWassengerProvider({ apiKey: KEY, device: DEVICE, baseUrl, timeoutMs: 1_000, now: Date.now })).toThrow(UsageError);
  },
);

test('a base URL may end with a slash', async () => {
  const server = await answering([CREATED]);
  await providerAt(`${server.url}//`).send(MESSAGE, LATER);
  expect(server.received()).toMatch(/^POST \/v1\/messages HTTP/);
});

describe('a look-up of what was claimed on another line', () => {
  const LINE = '65aa00000000000000000002';
  /** An account that lists no message, and has the lines that `device` answers for. */
  const account = (device: string) =>
    tcpServer((socket) => {
      socket.on('data', (data) => socket.write(data.toString().startsWith('GET /v1/devices/') ? device : http('200 OK', '[]')));
    });

  test('tells that it is absent when the line is one of this account', async () => {
    for (const status of ['operative', 'banned']) {
      const server = await account(http('200 OK', JSON.stringify({ id: LINE, status })));
      expect(await providerAt(server.url).lookUp({ ...WANTED, line: LINE })).toEqual({ kind: 'absent' });
    }
  });

  test.each([
    ['not found', http('404 Not Found', '{"errorCode":"device:notfound"}')],
    ['forbidden', http('403 Forbidden')],
    ['an error', http('502 Bad Gateway', '<html>')],
    ['a page that is no device', http('200 OK', '<html>')],
  ])('cannot tell when the line is %s: another account may have sent it', async (_, device) => {
    const server = await account(device);
    expect(await providerAt(server.url).lookUp({ ...WANTED, line: LINE })).toEqual({
      kind: 'unsure',
      reason: `it was claimed on line ${LINE}, which this API key does not see: another account may have it`,
      reachable: true,
    });
    expect(await providerAt(server.url).lookUp(WANTED)).toEqual({ kind: 'absent' });
  });
});
