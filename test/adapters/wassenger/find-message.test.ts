import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { classifyLookUp, findMessage } from '../../../src/adapters/wassenger/find-message.ts';
import { DEVICE, KEY, WANTED } from './sample.ts';

const reading = { now: 0, secret: KEY };
const OURS = {
  id: '65bb01',
  waId: '3EB0',
  reference: WANTED.reference,
  phone: WANTED.phone,
  device: DEVICE,
  status: 'processed',
  deliveryStatus: 'sent',
};
const STRANGER = { ...OURS, id: '65bb02', reference: 'newsletter-7', phone: '+15550111' };
const FOUND = { kind: 'found', providerId: '65bb01', whatsappId: '3EB0', failure: null };

function lookUp(body: unknown, status = 200, headers = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return classifyLookUp({ kind: 'answered', answer: { status, headers, text } }, WANTED, reading);
}

describe('a look-up', () => {
  test.each([
    ['as it was sent', [OURS]],
    ['among strangers', [STRANGER, OURS, STRANGER]],
    ['under data', { data: [OURS] }],
    ['with its device as an object', [{ ...OURS, device: { id: DEVICE, alias: 'x' } }]],
    ['without a device', [{ ...OURS, device: undefined }]],
    ['with its number in another spelling', [{ ...OURS, phone: '229 97-00.00 17' }]],
    ['with its number in the form that the account has', [{ ...OURS, phone: '+2290197000017' }]],
    ['with a wid in place of its number', [{ ...OURS, phone: undefined, wid: '22997000017@c.us' }]],
    ['on a full page of strangers', [...Array(19).fill(STRANGER), OURS]],
    ['beside one to another number', [{ ...OURS, phone: '+15550111', id: 'other' }, OURS]],
  ])('finds our message %s', (_, body) => {
    expect(lookUp(body)).toMatchObject(FOUND);
  });

  test.each([
    [{ status: 'failed', failureReason: 'number:notfound' }, 'number:notfound'],
    [{ status: 'expired' }, 'message:expired'],
    [{ status: 'removed' }, 'message:removed'],
    [{ status: 'invalid', failureReason: 'It did not work.' }, 'message:invalid'],
    [{ deliveryStatus: 'failed' }, 'message:failed'],
    [{ deliveryStatus: 'cancelled' }, 'message:cancelled'],
    [{ deliveryStatus: 'revoked', failureReason: 17 }, 'message:revoked'],
    [{ status: 'failed', failureReason: '131026: Message undeliverable' }, '131026'],
    [{ status: 'failed', failureReason: '(#131047) Re-engagement message' }, 'line:131047'],
    [{ status: 'failed', error: { code: 131042, message: 'payment' } }, 'line:131042'],
    [{ status: 'failed', failureReason: 'waba:error' }, 'line:waba:error'],
    [{ status: 'failed', failureReason: 'message:forbidden_first_message' }, 'line:message:forbidden_first_message'],
  ])('says that it was accepted and then failed: %j', (state, code) => {
    expect(lookUp([{ ...OURS, ...state }])).toMatchObject({ kind: 'found', failure: { code } });
  });

  test('tells how long ago it was accepted at most, by the clock of the provider alone', () => {
    const date = 'Thu, 26 Nov 2026 10:00:10 GMT';
    const ageOf = (createdAt: unknown, headers: object = { date }) => {
      const found = lookUp([{ ...OURS, createdAt }], 200, headers);
      return found.kind === 'found' ? found.ageMs : 'not found';
    };
    expect(ageOf('2026-11-26T10:00:05.500Z')).toBe(5_500);
    expect(ageOf('2026-11-26T10:00:10.900Z')).toBe(100);
    expect(ageOf('2026-11-26T11:00:00.000Z')).toBeUndefined();
    for (const odd of [undefined, null, 17, 'yesterday', {}]) expect(ageOf(odd)).toBeUndefined();
    expect(ageOf('2026-11-26T10:00:05.500Z', {})).toBeUndefined();
    expect(ageOf('2026-11-26T10:00:05.500Z', { date: 'soon' })).toBeUndefined();
  });

  test('tells on which line it went, and what the provider calls the recipient besides the number', () => {
    expect(lookUp([{ ...OURS, wid: '123456789012345@lid' }])).toEqual({ ...FOUND, line: DEVICE, alias: '123456789012345@lid' });
    expect(lookUp([{ ...OURS, wid: `${OURS.phone.slice(1)}@c.us` }])).toEqual({ ...FOUND, line: DEVICE });
  });

  test('takes the one that did not fail, when there are two', () => {
    expect(lookUp([{ ...OURS, id: 'first', status: 'failed' }, OURS])).toMatchObject(FOUND);
  });

  test.each([
    ['another number under our reference', [{ ...OURS, phone: '+22997000018' }]],
    ['another line under our reference', [{ ...OURS, device: '65aa00000000000000000002' }]],
    ['no number under our reference', [{ ...OURS, phone: null, wid: '77@lid' }]],
    ['a full page of strangers', Array(20).fill(STRANGER)],
    ['our number without a reference', [{ ...OURS, reference: undefined }]],
  ])('cannot tell from %s', (_, body) => {
    expect(lookUp(body)).toMatchObject({ kind: 'unsure', reachable: true });
  });

  test.each([
    ['nothing', []],
    ['a few strangers', Array(19).fill(STRANGER)],
    [
      'a reference that only resembles ours',
      [
        { ...OURS, reference: `${WANTED.reference}x` },
        { ...OURS, reference: WANTED.reference.toUpperCase() },
      ],
    ],
    ['a stranger without a reference', [{ ...STRANGER, reference: null }]],
  ])('proves that it is absent when the list holds %s', (_, body) => {
    expect(lookUp(body)).toEqual({ kind: 'absent' });
  });

  test.each(['', '<html></html>', '[{"reference":', 'null', '{}', '[1]', '{"data":{}}'])('cannot tell from %j', (body) => {
    expect(lookUp(body)).toMatchObject({ kind: 'unsure', reachable: false });
  });

  test('is told apart: refused, or not answered', () => {
    for (const status of [401, 402, 403])
      expect(lookUp([], status)).toMatchObject({ kind: 'barred', code: `http:${status}`, reason: expect.stringContaining(`${status}`) });
    for (const status of [400, 404])
      expect(lookUp([], status)).toMatchObject({ kind: 'unsure', reachable: true, reason: expect.stringContaining(`${status}`) });
    for (const status of [302, 408, 429, 500, 502, 503]) expect(lookUp([], status)).toMatchObject({ kind: 'unsure', reachable: false });
    expect(classifyLookUp({ kind: 'unsent', code: 'ENOTFOUND', detail: 'x' }, WANTED, reading)).toMatchObject({
      kind: 'unsure',
      reachable: false,
    });
    expect(classifyLookUp({ kind: 'lost', code: 'ETIMEDOUT', detail: 'x' }, WANTED, reading)).toMatchObject({
      kind: 'unsure',
      reachable: false,
    });
  });
});

test('whatever a list holds, a message is found only under its reference, number and line, and absent only when none could be it', () => {
  const maybe = <T>(...values: T[]) =>
    fc.oneof({ weight: 4, arbitrary: fc.constantFrom<unknown>(...values, undefined, null) }, { weight: 1, arbitrary: fc.anything() });
  const idOf = (device: unknown) => (typeof device === 'object' && device !== null ? (device as { id?: unknown }).id : device);
  const hasPhone = (phone: unknown) => typeof phone === 'string' && /^\+?\d{7,15}$/.test(phone);
  const item = fc.record(
    {
      id: maybe<unknown>('65bb01', 17),
      reference: maybe(WANTED.reference, WANTED.reference, 'newsletter-7', `${WANTED.reference}2`),
      phone: maybe(WANTED.phone, '22997000017', '+15550111'),
      wid: maybe('22997000017@c.us', '15550111@c.us'),
      device: maybe<unknown>(DEVICE, { id: DEVICE }, 'another'),
      status: maybe('failed', 'processed'),
      deliveryStatus: maybe('failed', 'sent'),
      failureReason: maybe('number:notfound', `${KEY} is bad`),
    },
    { requiredKeys: [] },
  );
  const kinds: string[] = [];
  fc.assert(
    fc.property(fc.array(item, { maxLength: 25 }), (list) => {
      const finding = findMessage(list as Record<string, unknown>[], WANTED, { secret: KEY, sentAt: Number.NaN });
      const ours = list.filter(({ reference }) => reference === WANTED.reference);
      expect(JSON.stringify(finding)).not.toContain(KEY);
      const surely = ours.filter(
        ({ phone, wid, device }) =>
          (hasPhone(phone) ? /^\+?22997000017$/.test(phone as string) : wid === '22997000017@c.us') &&
          (typeof idOf(device) !== 'string' || idOf(device) === DEVICE),
      );
      expect(finding.kind === 'found').toBe(surely.length > 0);
      if (finding.kind === 'absent') expect(ours.length === 0 && list.length < 20).toBe(true);
      kinds.push(finding.kind);
    }),
    { numRuns: 300 },
  );
  for (const kind of ['found', 'absent', 'unsure']) expect(kinds.filter((each) => each === kind).length).toBeGreaterThan(10);
});
