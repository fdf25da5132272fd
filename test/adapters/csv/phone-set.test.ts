import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPhoneSet } from '../../../src/adapters/csv/phone-set.ts';

test('a number counts as new exactly once, like in a Set', () => {
  const phone = fc
    .oneof(fc.integer({ min: 1_000_000, max: 1_000_050 }), fc.integer({ min: 1_000_000, max: 999_999_999_999_999 }))
    .map((n) => `+${n}`);
  fc.assert(
    fc.property(fc.array(phone, { maxLength: 3000 }), (phones) => {
      const ours = createPhoneSet();
      const theirs = new Set<string>();
      for (const one of phones) {
        expect(ours.has(one)).toBe(theirs.has(one));
        expect(ours.add(one)).toBe(!theirs.has(one));
        theirs.add(one);
      }
    }),
    { numRuns: 30 },
  );
});

test('200,000 numbers in a row are told apart in a moment', () => {
  const set = createPhoneSet();
  const start = performance.now();
  for (let n = 0; n < 200_000; n++) if (!set.add(`+${2290190000000 + n}`)) throw new Error(`${n} was not new`);
  for (let n = 0; n < 200_000; n++) if (set.add(`+${2290190000000 + n}`)) throw new Error(`${n} was forgotten`);
  expect(performance.now() - start).toBeLessThan(10_000);
});
