import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { classifyAnswer, classifyExchange, retryAfter } from '../../../src/adapters/wassenger/classify.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import { HOUR } from '../../../src/core/units.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const KEY = 'a1b2c3d4'.repeat(6);
const reading = { now: NOW, secret: KEY };

const SENT = { reference: 'wsend-42-17-k3v9x0qd', phone: '+2290197000017' };

function outcome(status: number, body: unknown = '', headers: Record<string, string> = {}): Outcome {
  return classifyAnswer({ status, headers, text: typeof body === 'string' ? body : JSON.stringify(body) }, SENT, reading);
}

const HTML = '<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>';

describe('an answer to a send', () => {
  test.each([
    ['one object', { id: '65bb00000000000000000009', waId: '3EB0AA11' }, '65bb00000000000000000009', '3EB0AA11'],
    ['an array with one object', [{ id: '65bb00000000000000000009' }], '65bb00000000000000000009', null],
    ['an object under data', { data: { id: 'x9', waId: '3EB0' } }, 'x9', '3EB0'],
    ['a number as id', { id: 17 }, '17', null],
    ['our reference', { id: 'x9', reference: SENT.reference, status: 'queued', deliveryStatus: 'queued' }, 'x9', null],
    ['no reference and the number in its old form', { id: 'x9', reference: '', phone: '+22997000017' }, 'x9', null],
    [
      'our reference under a number that WhatsApp writes otherwise',
      { id: 'x9', reference: SENT.reference, phone: '+15550111' },
      'x9',
      null,
    ],
    ['words of an error that are empty', { id: 'x9', error: null, errors: [], success: true }, 'x9', null],
  ])('is accepted with a 2xx that has the id of the message: %s', (_, body, providerId, whatsappId) => {
    for (const status of [200, 201, 202, 299]) expect(outcome(status, body)).toEqual({ kind: 'accepted', providerId, whatsappId });
  });

  test.each([
    ['an error', { error: 'Something broke' }, 'an error: Something broke'],
    ['an error beside an id', { id: 'x9', error: { code: 'queue:full' } }, 'an error: queue:full'],
    ['success: false', { success: false }, 'an error'],
    ['success: false around an id', { success: false, data: { id: 'x9' } }, 'an error'],
    ['a list of errors', { id: 'x9', errors: [{ code: 'phone:invalid', message: 'bad' }] }, 'an error: bad'],
    ['a status of its own', { id: 'x9', status: 500, message: 'no' }, 'an error: no'],
    ['a message that failed', { id: 'x9', reference: SENT.reference, status: 'failed' }, 'an error: failed'],
    ['a delivery that failed', { id: 'x9', status: 'processed', deliveryStatus: 'cancelled' }, 'an error: processed'],
    ["another's reference", { id: 'x9', reference: 'wsend-42-18-k3v9x0qd', phone: SENT.phone }, "another message's reference"],
    ["another's number without a reference", { id: 'x9', phone: '+15550111' }, 'a message to another number'],
    ['a web page', HTML, 'a web page'],
    ['nothing', '', 'nothing'],
    ['an empty array', [], 'no id of a message: []'],
    ['null', 'null', 'no JSON: null'],
    ['half an object', '{"id":"65bb0000000', 'no JSON: {"id":"65bb0000000'],
    ['an id that no database could hold', { id: 'x'.repeat(256) }, 'no id of a message'],
    ['an object as id', { id: {} }, 'no id of a message: {"id":{}}'],
    ["WhatsApp's id alone", { waId: '3EB0AA11' }, 'no id of a message'],
  ])('is unknown and unexpected with a 2xx that has %s', (_, body, instead) => {
    for (const status of [200, 201, 204])
      expect(outcome(status, body)).toMatchObject({
        ...{ kind: 'unknown', code: `http:${status}`, offline: false, unexpected: true },
        reason: expect.stringContaining(`the server answered ${status} with ${instead}`),
      });
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
      for (const status of [400, 404, 409, 410, 422]) expect(outcome(status, body)).toMatchObject({ kind: 'rejected', code });
    }
    expect(outcome(401, { errorCode: code }).kind).toBe('barred');
    expect(outcome(402, { errorCode: code }).kind).toBe('barred');
    expect(outcome(403, { errorCode: code }).kind).toBe('barred');
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
    'queue:rejected',
    'queue:frozen',
    'session:blocked',
  ])('stops the line when its code is %s, whomever it is for', (code) => {
    for (const status of [400, 403, 404, 409, 422]) expect(outcome(status, { errorCode: code })).toMatchObject({ kind: 'barred', code });
    expect(outcome(400, { errorCode: code, errors: [{ code: 'phone:invalid' }] })).toMatchObject({ kind: 'barred', code });
  });

  test.each([
    ['131047 as a number', { code: 131047, message: 'Re-engagement message' }, 'barred', '131047'],
    ['131047 in words', { message: '(#131047) Re-engagement message' }, 'barred', '131047'],
    [
      '131047 beside the code of the connector',
      { errorCode: 'error:send', errors: [{ code: '131047', message: 'x' }] },
      'barred',
      '131047',
    ],
    ['131042, the payment', { error: { code: 131042, message: 'Payment issue' } }, 'barred', '131042'],
    ['132001, the template', { error: { code: 132001 } }, 'barred', '132001'],
    ['131026, the person', { error: { code: 131026, message: 'Undeliverable' } }, 'rejected', '131026'],
    ['131049, the person', { errors: [{ code: 131049 }] }, 'rejected', '131049'],
    ['131000, nobody knows', { error: { code: 131000 } }, 'unknown', 'http:400'],
    ['a number that only contains one', { message: 'order 9131047 of +1131047' }, 'rejected', 'http:400'],
  ] as const)("with Meta's code %s", (_, body, kind, code) => {
    expect(outcome(400, body)).toMatchObject({ kind, code });
  });

  test("with Meta's code for too many messages waits, as with a 429", () => {
    expect(outcome(400, { error: { code: 130429 } })).toMatchObject({ kind: 'throttled' });
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
        const made = classifyAnswer({ status: code, headers: head, text: body }, SENT, reading);
        expectWellFormed(made);
        if (code >= 200 && code < 300) expect(['accepted', 'unknown']).toContain(made.kind);
        if (made.kind === 'accepted') expect(made.providerId).not.toBe(null);
        if (code >= 500 || code < 200) expect(made.kind).toBe('unknown');
        if (made.kind === 'unavailable') throw new Error('an answer is never "unavailable"');
      }),
      { numRuns: 500 },
    );
  });

  test('an error once the request may have left is unknown, before that unavailable', () => {
    fc.assert(
      fc.property(fc.constantFrom('unsent', 'lost'), fc.stringMatching(/^[A-Z][A-Z0-9_]{0,29}$/), fc.string(), (kind, code, detail) => {
        const made = classifyExchange({ kind, code, detail: detail + KEY }, SENT, reading);
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
