import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { http, LATER, MESSAGE, providerAt, tcpServer, WANTED } from './support.ts';

/** How long a call may take here; a server that says nothing more is given up after it. */
const TIMEOUT_MS = 120;

const statusLine = fc.oneof(
  fc.constantFrom('200 OK', '201 Created', '204 No Content', '301 Moved', '304 Not Modified', '400 Bad Request', '401 No', '404 Not Found'),
  fc.constantFrom(
    '429 Too Many Requests',
    '500 Oh',
    '502 Bad Gateway',
    '503 Service Unavailable',
    '99 x',
    '600 x',
    '1000 x',
    '-1',
    'OK',
    '',
  ),
);
const json = fc.oneof(
  fc.json(),
  fc.constantFrom('null', '[]', '[{}]', '{"data":{"id":7}}', '{"id":{"a":1}}', '{"errorCode":["phone:invalid"]}', '{"errors":"x"}'),
  fc.constantFrom('{"id":"65aa00000000000000000001"', '\uFEFF{}', '{"__proto__":{"id":"x"}}', `${'['.repeat(5_000)}`, '{"message":null}'),
);
const html = fc.string({ maxLength: 60 }).map((text) => `<html><body><h1>502 ${text}</h1>`);
const body = fc.oneof(json, html, fc.string({ unit: 'binary', maxLength: 60 }), fc.constant('x'.repeat(2_000_000)));
const headers = fc.constantFrom(
  ...[
    '',
    'content-type: application/json\r\n',
    'retry-after: soon\r\n',
    'retry-after: -5\r\n',
    'retry-after: 1e400\r\n',
    'retry-after: 99999999999999\r\n',
  ],
  ...[
    'content-encoding: gzip\r\n',
    'transfer-encoding: chunked\r\n',
    'location: /elsewhere\r\n',
    'x: \u0001\r\n',
    `x: ${'y'.repeat(20_000)}\r\n`,
    'no colon\r\n',
  ],
);
/** What a server sends, and whether it hangs up afterwards. */
const answer = fc.record({
  text: fc.oneof(
    fc.tuple(statusLine, headers, body).map(([status, head, text]) => http(status, text, head)),
    fc
      .tuple(statusLine, body, fc.integer({ min: 0, max: 500 }))
      .map(([status, text, length]) => `HTTP/1.1 ${status}\r\ncontent-length: ${length}\r\n\r\n${text}`),
    fc.tuple(statusLine, json).map(([status, text]) => `HTTP/1.1 ${status}\r\ntransfer-encoding: chunked\r\n\r\nffffff\r\n${text}`),
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.constantFrom(
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
      'HTTP/1.1 20',
      'HTTP/1.1 201 Created\r\n',
    ),
  ),
  cutAt: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: null }),
  after: fc.constantFrom('ends', 'is cut', 'says nothing more'),
});

const whole = (status: string, text: string, head = '') => ({ text: http(status, text, head), cutAt: null, after: 'ends' as const });
/** Answers of which every kind of word comes. */
const CLEAR = [
  whole('201 Created', '{"id":"65aa00000000000000000001"}'),
  whole('200 OK', '[]'),
  whole('400 Bad Request', '{"errorCode":"phone:invalid","message":"no such number"}'),
  whole('401 No', '{}'),
  whole('429 Too Many Requests', '{}', 'retry-after: 1e400\r\n'),
  whole('429 Too Many Requests', '{}', 'retry-after: -5\r\n'),
];

/** Node hands the connection over to whoever asked for another protocol, and nobody did. */
const SWITCHING = {
  text: 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
  cutAt: null,
  after: 'says nothing more',
} as const;

test('whatever the server sends, every call ends in time with a word for it, and only a good status is ever an acceptance', async () => {
  const uncaught: unknown[] = [];
  const listen = (error: unknown) => uncaught.push(error);
  process.on('unhandledRejection', listen);
  process.on('uncaughtExceptionMonitor', listen);
  const words = new Set<string>();
  let bytes = Buffer.alloc(0);
  let after = 'ends';
  const server = await tcpServer((socket) => {
    socket.on('data', () => {
      socket.write(bytes);
      if (after === 'ends') socket.end();
      else if (after === 'is cut') setImmediate(() => socket.resetAndDestroy());
    });
  });
  await fc.assert(
    fc.asyncProperty(answer, async ({ text, cutAt, after: then }) => {
      const all = Buffer.from(text, 'latin1');
      bytes = cutAt === null ? all : all.subarray(0, Math.floor(cutAt * all.length));
      after = then;
      const provider = providerAt(server.url, { timeoutMs: TIMEOUT_MS });
      const calls = Promise.all([provider.send(MESSAGE, LATER), provider.lookUp(WANTED), provider.askLine()]);
      const patience = new AbortController();
      const tooLong = sleep(5_000, 'too long' as const, { signal: patience.signal });
      tooLong.catch(() => undefined);
      const answers = await Promise.race([calls, tooLong]);
      patience.abort();
      if (answers === 'too long') throw new Error('a call did not end in time');
      const [outcome, finding, line] = answers;
      await provider.close();

      expect(['accepted', 'rejected', 'barred', 'throttled', 'unknown']).toContain(outcome.kind);
      const mayHaveTaken = /^HTTP\/1\.[01] 2\d\d/.test(bytes.toString('latin1'));
      if (outcome.kind === 'accepted') expect(mayHaveTaken).toBe(true);
      if (outcome.kind !== 'accepted' && outcome.kind !== 'unknown') expect(mayHaveTaken).toBe(false);
      if (outcome.kind === 'throttled') expect(outcome.retryAfterMs).toSatisfy((ms) => ms === null || (Number.isFinite(ms) && ms >= 0));
      expect(['absent', 'unsure', 'barred']).toContain(finding.kind);
      if (finding.kind === 'absent') expect(mayHaveTaken).toBe(true);
      expect(['ready', 'waiting', 'barred', 'unreachable']).toContain(line.kind);
      for (const { kind } of [outcome, finding, line]) words.add(kind);
      for (const said of [outcome, finding, line]) expect(JSON.stringify(said).length).toBeLessThan(3_000);
    }),
    { numRuns: 40, endOnFailure: true, examples: [[SWITCHING], ...CLEAR.map((each): [typeof each] => [each])] },
  );
  for (const word of ['accepted', 'rejected', 'barred', 'throttled', 'unknown', 'absent', 'unsure', 'unreachable'])
    expect(words).toContain(word);
  process.off('unhandledRejection', listen);
  process.off('uncaughtExceptionMonitor', listen);
  expect(uncaught).toEqual([]);
});
