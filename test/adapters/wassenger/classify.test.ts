import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { classifyAnswer, classifyExchange, retryAfter } from '../../../src/adapters/wassenger/classify.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import { HOUR } from '../../../src/core/units.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const KEY = 'a1b2c3d4'.repeat(6);
const reading = { now: NOW, secret: KEY };

function outcome(status: number, body: unknown = '', headers: Record<string, string> = {}): Outcome {
  return classifyAnswer({ status, headers, text: typeof body === 'string' ? body : JSON.stringify(body) }, reading);
}

const HTML = '<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>';

describe('an answer to a send', () => {
  test.each([
    ['one object', { id: '65bb00000000000000000009', waId: '3EB0AA11' }, '65bb00000000000000000009', '3EB0AA11'],
    ['an array with one object', [{ id: '65bb00000000000000000009' }], '65bb00000000000000000009', null],
    ['an object under data', { data: { id: 'x9', waId: '3EB0' } }, 'x9', '3EB0'],
    ['a number as id', { id: 17 }, '17', null],
    ['an id that no database could hold', { id: 'x'.repeat(256) }, null, null],
    ['an object as id', { id: {} }, null, null],
    ['a web page', HTML, null, null],
    ['nothing', '', null, null],
    ['half an object', '{"id":"65bb0000000', null, null],
    ['an empty array', [], null, null],
    ['null', 'null', null, null],
  ])('is accepted with any 2xx, when it is %s', (_, body, providerId, whatsappId) => {
    for (const status of [200, 201, 202, 204, 299]) expect(outcome(status, body)).toEqual({ kind: 'accepted', providerId, whatsappId });
  });

  test.each([
    'phone:invalid',
    'number:notfound',
    'contact:blocked',
    'contact:excluded',
    'chat:cannot_send',
    'channel:forbidden',
    'channel:notfound',
  ])('is a rejection of this recipient when its code is %s', (code) => {
    for (const body of [
      { errorCode: code },
      { errors: [{ code }] },
      { errorCode: 'error', errors: [{ code }] },
      { error: { code } },
      [{ errorCode: code }],
    ]) {
      for (const status of [400, 403, 404, 409, 410, 422]) expect(outcome(status, body)).toMatchObject({ kind: 'rejected', code });
    }
    expect(outcome(401, { errorCode: code }).kind).toBe('barred');
    expect(outcome(402, { errorCode: code }).kind).toBe('barred');
    expect(outcome(429, { errorCode: code }).kind).toBe('throttled');
    expect(outcome(500, { errorCode: code }).kind).toBe('unknown');
  });

  test.each([
    'device:invalid',
    'device:notfound',
    'media:invalid_file',
    'file:not_found',
    'message:forbidden',
    'message:forbidden_first_message',
    'waba:error',
  ])('stops the line when its code is %s, whomever it is for', (code) => {
    for (const status of [400, 403, 404, 422]) expect(outcome(status, { errorCode: code })).toMatchObject({ kind: 'barred', code });
    expect(outcome(400, { errorCode: code, errors: [{ code: 'phone:invalid' }] })).toMatchObject({ kind: 'barred', code });
  });

  test.each([
    [301, 'barred', 'http:301'],
    [304, 'barred', 'http:304'],
    [307, 'barred', 'http:307'],
    [400, 'rejected', 'http:400'],
    [401, 'barred', 'http:401'],
    [402, 'barred', 'http:402'],
    [403, 'barred', 'http:403'],
    [404, 'barred', 'http:404'],
    [405, 'barred', 'http:405'],
    [408, 'unknown', 'http:408'],
    [409, 'unknown', 'http:409'],
    [410, 'barred', 'http:410'],
    [413, 'rejected', 'http:413'],
    [415, 'barred', 'http:415'],
    [422, 'rejected', 'http:422'],
    [425, 'rejected', 'http:425'],
    [451, 'barred', 'http:451'],
    [500, 'unknown', 'http:500'],
    [501, 'unknown', 'http:501'],
    [502, 'unknown', 'http:502'],
    [503, 'unknown', 'http:503'],
    [504, 'unknown', 'http:504'],
    [505, 'unknown', 'http:505'],
    [599, 'unknown', 'http:599'],
    [999, 'unknown', 'http:999'],
  ] as const)('with status %i alone is %s', (status, kind, code) => {
    for (const body of ['', HTML, '{"status":', { status, message: 'Something happened' }]) {
      expect(outcome(status, body)).toMatchObject({ kind, code, ...(kind === 'unknown' ? { offline: status === 503 } : {}) });
    }
  });

  test('with a code that nobody has heard of is rejected under that code', () => {
    expect(outcome(400, { errorCode: 'error:quota' })).toMatchObject({ kind: 'rejected', code: 'error:quota' });
    expect(outcome(400, { error: 'max_retries' })).toMatchObject({ kind: 'rejected', code: 'max_retries' });
    expect(outcome(400, { errorCode: 'no code at all!' })).toMatchObject({ kind: 'rejected', code: 'http:400' });
  });

  test('that complains of a field which every message has stops the line, and names the field', () => {
    const complaint = outcome(400, { message: 'Validation error', errors: [{ path: 'reference', message: 'not allowed' }] });
    expect(complaint).toEqual({ kind: 'barred', code: 'http:400', reason: 'the server answered 400: Validation error (field reference)' });
  });

  test('that complains of the number or the text alone rejects one recipient, because the next has others', () => {
    expect(outcome(400, { errors: [{ path: 'phone', message: 'bad' }] }).kind).toBe('rejected');
    expect(outcome(400, { errors: [{ path: ['message'], message: 'too long' }] }).kind).toBe('rejected');
    expect(outcome(400, { errors: [{ path: 'phone' }, { path: 'device' }] }).kind).toBe('barred');
  });

  test('is quoted on one line, without markup, cut to 200 characters, numbers masked', () => {
    const { reason } = outcome(400, { message: `<b>Bad</b>\n\tnumber\u0000 +22997000001 ${'x'.repeat(500)}` }) as { reason: string };
    expect(reason).toMatch(/^the server answered 400: Bad number \+229\*+01 x+…$/);
    expect(reason.length).toBeLessThan(240);
    expect((outcome(502, HTML) as { reason: string }).reason).toBe('the server answered 502');
  });
});

describe('Retry-After', () => {
  test.each([
    ['30', 30_000],
    [' 1.5 ', 1_500],
    ['0', 0],
    ['-5', 0],
    ['999999999', 24 * HOUR],
    ['Thu, 01 Jan 2026 12:00:10 GMT', 10_000],
    ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
    ['Fri, 01 Jan 2027 12:00:00 GMT', 24 * HOUR],
    ['soon', null],
    ['5 bananas', null],
    ['Thu, 99 Jan 2026 12:00:10 GMT', null],
    ['1e3', null],
    ['', null],
    [undefined, null],
  ])('%s is a wait of %s ms', (header, wait) => {
    expect(retryAfter(header, NOW)).toBe(wait);
  });

  test('is honoured in a 429', () => {
    expect(outcome(429, {}, { 'retry-after': '7' })).toMatchObject({ kind: 'throttled', retryAfterMs: 7_000 });
    expect(outcome(429, HTML)).toMatchObject({ kind: 'throttled', retryAfterMs: null });
  });
});

describe('whatever a server sends', () => {
  const status = fc.integer({ min: 100, max: 999 });
  const errorBody = fc.record(
    {
      status: fc.anything(),
      message: fc.oneof(fc.string(), fc.anything(), fc.constant(`the key ${KEY} is bad`)),
      errorCode: fc.oneof(fc.string(), fc.constantFrom('phone:invalid', 'device:notfound', `code:${KEY}`), fc.anything()),
      error: fc.anything(),
      id: fc.oneof(fc.anything(), fc.constant(KEY)),
      data: fc.anything(),
      errors: fc.oneof(
        fc.array(fc.record({ path: fc.anything(), code: fc.anything(), message: fc.anything() }, { requiredKeys: [] })),
        fc.anything(),
      ),
    },
    { requiredKeys: [] },
  );
  const text = fc.oneof(
    fc.json(),
    errorBody.map((body) => JSON.stringify(body) ?? ''),
    errorBody.chain((body) => fc.nat(400).map((cut) => (JSON.stringify(body) ?? '').slice(0, cut))),
    fc.string({ unit: 'binary' }),
    fc.string().map((inside) => `<html>${inside}${KEY}</html>`),
    fc.constantFrom(
      '['.repeat(200_000),
      `{"message":"${'<'.repeat(300_000)}"}`,
      `{"message":"${'1'.repeat(300_000)}"}`,
      `[${'{},'.repeat(50_000)}{}]`,
    ),
  );
  const headers = fc.record({ 'retry-after': fc.oneof(fc.string(), fc.integer().map(String)) }, { requiredKeys: [] });

  test('an outcome comes of it, well formed, in words, without the key', () => {
    fc.assert(
      fc.property(status, text, headers, (code, body, head) => {
        const made = classifyAnswer({ status: code, headers: head, text: body }, reading);
        expectWellFormed(made);
        if (code >= 200 && code < 300) expect(made.kind).toBe('accepted');
        if (code >= 500 || code < 200) expect(made.kind).toBe('unknown');
        if (made.kind === 'unavailable') throw new Error('an answer is never "unavailable"');
      }),
      { numRuns: 500 },
    );
  });

  test('an error once the request may have left is unknown, before that unavailable', () => {
    fc.assert(
      fc.property(fc.constantFrom('unsent', 'lost'), fc.stringMatching(/^[A-Z][A-Z0-9_]{0,29}$/), fc.string(), (kind, code, detail) => {
        const made = classifyExchange({ kind, code, detail: detail + KEY }, reading);
        expectWellFormed(made);
        expect(made).toMatchObject({ kind: kind === 'lost' ? 'unknown' : 'unavailable', code });
      }),
    );
  });
});

function expectWellFormed(made: Outcome): void {
  expect(JSON.stringify(made)).not.toContain(KEY);
  if (made.kind === 'accepted') {
    for (const id of [made.providerId, made.whatsappId])
      expect(id === null || (typeof id === 'string' && id.length > 0 && id.length <= 255)).toBe(true);
    return;
  }
  expect(made.reason).toMatch(/^\P{Cc}{5,400}$/u);
  expect(made.reason).not.toMatch(/<[^>]*>/);
  if (made.kind === 'throttled') {
    expect(
      made.retryAfterMs === null || (Number.isInteger(made.retryAfterMs) && made.retryAfterMs >= 0 && made.retryAfterMs <= 24 * HOUR),
    ).toBe(true);
  } else {
    expect(made.code.length).toBeGreaterThan(0);
  }
}
