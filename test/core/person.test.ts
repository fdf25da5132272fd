import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { currentForm, formsOf, personKey } from '../../src/core/person.ts';

/** Two true forms of one account, and what is valid today. */
const PAIRS = [
  ['+5541980000005', '+554180000005', 'both'],
  ['+5511961234567', '+551161234567', 'both'],
  ['+525500000003', '+5215500000003', 'first'],
  ['+5491120000002', '+541120000002', 'both'],
  ['+2290197000002', '+22997000002', 'first'],
  ['+2250707000003', '+22507000003', 'first'],
  ['+2250545000003', '+22545000003', 'first'],
  ['+2250102000003', '+22502000003', 'first'],
  ['+2252720210003', '+22520210003', 'first'],
  ['+2252522000003', '+22522000003', 'first'],
  ['+2252120800003', '+22520800003', 'first'],
] as const;

/** Numbers that look alike and are two people. */
const STRANGERS = [
  // Brazil: numbers of houses begin with 2 to 5 and never had the ninth digit.
  ['+5541930000005', '+554130000005'],
  ['+33612345678', '+33912345678'],
  ['+5491120000002', '+5411200000'],
  ['+2290197000002', '+2290197000003'],
  // Côte d'Ivoire: an operator's prefix before digits that were another operator's is a number of after the change.
  ['+2250104000000', '+22504000000'],
] as const;

describe('a person', () => {
  it.each(PAIRS)('answers at %s and at %s alike', (a, b) => {
    expect(personKey(a)).toBe(personKey(b));
    expect(formsOf(a)).toEqual(expect.arrayContaining([a, b]));
    expect(formsOf(b)).toEqual(expect.arrayContaining([a, b]));
    expect([formsOf(a)[0], formsOf(b)[0]]).toEqual([a, b]);
  });

  it.each(PAIRS)('is written to at %s where %s is no longer valid, and at what was given where both are', (a, b, valid) => {
    expect(currentForm(a)).toBe(a);
    expect(currentForm(b)).toBe(valid === 'first' ? a : b);
  });

  it.each(STRANGERS)('at %s is not the one at %s', (a, b) => {
    expect(personKey(a)).not.toBe(personKey(b));
  });

  it('has one key, whichever form it is made from, and no form is another person', () => {
    const number = fc
      .tuple(fc.constantFrom('+229', '+225', '+52', '+521', '+54', '+549', '+55', '+33', '+1'), fc.stringMatching(/^[0-9]{8,11}$/))
      .map(([code, rest]) => code + rest);
    fc.assert(
      fc.property(number, (phone) => {
        const key = personKey(phone);
        expect(personKey(key)).toBe(key);
        expect(personKey(currentForm(phone))).toBe(key);
        for (const form of formsOf(phone)) expect(personKey(form)).toBe(key);
        expect(formsOf(phone).length).toBeLessThanOrEqual(2);
      }),
      { numRuns: 2_000 },
    );
  });
});
