import fc from 'fast-check';
import { expect, test } from 'vitest';
import { classifyListing } from '../../../src/adapters/wassenger/listing.ts';
import { KEY, WANTED } from './sample.ts';

const OURS = { id: '65bb01', waId: '3EB0', reference: WANTED.reference, phone: WANTED.phone, status: 'processed', deliveryStatus: 'sent' };
const STRANGER = { ...OURS, id: '65bb02', reference: 'newsletter-7', phone: '+15550111' };
const HELD = { id: '65bb01', whatsappId: '3EB0', failed: false };

function list(body: unknown, status = 200, headers = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return classifyListing({ kind: 'answered', answer: { status, headers, text } }, WANTED, { now: 0, secret: KEY });
}

test.each([
  ['nobody', [], []],
  ['one', [OURS], [HELD]],
  ['one among strangers', { data: [STRANGER, OURS] }, [HELD]],
  ['two, on whatever line', [OURS, { ...OURS, id: '65bb03', device: 'another' }], [HELD, { ...HELD, id: '65bb03' }]],
  ['one that failed', [{ ...OURS, deliveryStatus: 'failed' }], [{ ...HELD, failed: true }]],
  ['one that does not say its number', [{ ...OURS, phone: undefined }], [HELD]],
])('a list of %s is every message under the reference', (_, body, messages) => {
  expect(list(body)).toEqual({ kind: 'listed', messages });
});

test.each([
  ['another number under our reference', [{ ...OURS, phone: '+15550111' }], 'has another number'],
  ['a message to our number that shows no reference', [{ ...OURS, reference: undefined }], 'shows no reference'],
  ['a full page', Array(20).fill(STRANGER), 'fit one page'],
])('%s leaves it unclear', (_, body, reason) => {
  expect(list(body)).toEqual({ kind: 'unclear', reason: expect.stringContaining(reason), refused: false });
});

test('a refusal says so; what may be gone with the next try is asked again, a 429 when it says', () => {
  expect(list({}, 401)).toEqual({ kind: 'barred', reason: expect.stringContaining('the API key is refused') });
  expect(list({}, 403)).toEqual({ kind: 'barred', reason: expect.stringContaining('(403)') });
  expect(list({}, 404)).toEqual({ kind: 'unclear', reason: expect.stringContaining('(404)'), refused: true });
  expect(list({}, 429, { 'retry-after': '7' })).toMatchObject({ kind: 'later', waitMs: 7_000 });
  expect(list({}, 429)).toMatchObject({ kind: 'later', waitMs: 60_000 });
  expect(list('<html>', 502)).toMatchObject({ kind: 'later', waitMs: null });
  expect(list('<html>')).toMatchObject({ kind: 'later', waitMs: null });
  expect(classifyListing({ kind: 'lost', code: 'ETIMEDOUT', detail: 'x' }, WANTED, { now: 0, secret: KEY })).toMatchObject({
    kind: 'later',
  });
});

test('whatever is answered: it never throws, and lists nothing without our reference', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 599 }), fc.oneof(fc.json(), fc.string()), (status, text) => {
      expect(list(text, status)).toSatisfy(({ kind, messages }) => kind !== 'listed' || messages.length === 0);
    }),
  );
});

test('whatever a list holds, exactly the messages under our reference are listed', () => {
  const item = fc.record(
    {
      id: fc.constantFrom('65bb01', '65bb02'),
      reference: fc.constantFrom(WANTED.reference, 'newsletter-7', `${WANTED.reference}2`, WANTED.reference.slice(0, -1)),
      phone: fc.oneof(fc.constantFrom(WANTED.phone, '22997000017', undefined), fc.string()),
      status: fc.constantFrom('failed', 'processed', undefined),
    },
    { requiredKeys: ['id', 'reference'] },
  );
  let listed = 0;
  fc.assert(
    fc.property(fc.array(item, { maxLength: 22 }), (items) => {
      const listing = list(items);
      if (items.length >= 20) return expect(listing).toMatchObject({ kind: 'unclear', refused: false });
      const ours = items.filter(({ reference }) => reference === WANTED.reference);
      listed += ours.length > 0 ? 1 : 0;
      const messages = ours.map(({ id, status }) => ({ id, whatsappId: null, failed: status === 'failed' }));
      expect(listing).toEqual({ kind: 'listed', messages });
    }),
  );
  expect(listed).toBeGreaterThan(30);
});
