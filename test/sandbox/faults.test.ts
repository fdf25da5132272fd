import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { chance, decisionOf, isOffline } from '../../src/sandbox/decision.ts';
import { fits } from '../../src/sandbox/fault-values.ts';
import { FAULT_OPTIONS, NO_FAULTS, parseFaults, showFaults } from '../../src/sandbox/faults.ts';

const SEND = { reference: 'wsend-1-1-aaaaaaaa', phone: '+22997000017', nth: 1, number: 1, elapsedMs: 0 };

describe('faults as typed', () => {
  test.each([
    ['latency', '200', { min: 200, max: 200 }],
    ['latency', '100-900', { min: 100, max: 900 }],
    ['throttle', '5%', 0.05],
    ['throttle', '.05', 0.05],
    ['throttleEvery', '30', 30],
    ['retry-after', '7', 7],
    ['offline', '30', { min: 0, max: 30_000 }],
    ['offline', '0.2-0.5', { min: 200, max: 500 }],
    ['reject', '0.1', { patterns: [], share: 0.1 }],
    ['reject', '*0000, +22997000017,10%', { patterns: ['*0000', '+22997000017'], share: 0.1 }],
    ['refuse', 'plan', 'plan'],
    ['line', 'queue-freeze', 'queue-freeze'],
  ])('--fault %s=%s is understood', (name, text, value) => {
    const key = name === 'retry-after' ? 'retryAfter' : name;
    expect(parseFaults({ [name]: text })).toEqual({ ...NO_FAULTS, [key]: value });
  });

  test('wrong ones are named all at once, with what is allowed', () => {
    const parse = () => parseFaults({ latency: 'slow', throttle: '1.5', reject: '0000', nonsense: '1', seed: null, slowBy: undefined });
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(
      /latency is "slow", allowed: milliseconds.*throttle is "1.5".*reject is "0000".*no fault "nonsense".*seed is null/,
    );
    for (const junk of [null, 'latency', 7]) expect(() => parseFaults(junk)).toThrow(UsageError);
    expect(() => parseFaults({ __proto__: '1', constructor: '1', toString: '1' })).toThrow(/constructor/);
  });

  test('what is not given stays', () => {
    expect(parseFaults({ throttle: '0' }, parseFaults({ throttle: '1', slow: '1' }))).toEqual(parseFaults({ slow: '1' }));
  });

  test('they are shown as they can be typed again, whatever they are', () => {
    const given = fc.record(
      {
        latency: fc.tuple(fc.nat(1_000), fc.nat(1_000)).map(([from, more]) => `${from}-${from + more}`),
        reject: fc
          .array(fc.oneof(fc.constantFrom('*0000', '+229*', '+22997000017'), fc.double({ min: 0, max: 1, noNaN: true }).map(String)))
          .map((parts) => parts.join(',')),
        throttle: fc.double({ min: 0, max: 1, noNaN: true }).map(String),
        offline: fc.tuple(fc.nat(10_000), fc.nat(10_000)).map(([from, more]) => `${from / 1_000}-${(from + more) / 1_000}`),
        refuse: fc.constantFrom('nothing', 'key', 'plan', 'device'),
        seed: fc.nat(999_999_999).map(String),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(given, (texts) => {
        const faults = parseFaults(texts);
        expect(parseFaults(showFaults(faults))).toEqual(faults);
      }),
    );
  });

  test('anything at all is parsed or refused with a UsageError', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.oneof(fc.constantFrom(...FAULT_OPTIONS.map(({ name }) => name)), fc.string()), fc.anything()),
        (given) => {
          try {
            parseFaults(given);
          } catch (error) {
            expect(error).toBeInstanceOf(UsageError);
          }
        },
      ),
    );
  });

  test('the list of them has a name, an argument and a help for each', () => {
    expect(FAULT_OPTIONS.map(({ name }) => name)).toEqual(Object.keys(NO_FAULTS));
    for (const { argument, help, off } of FAULT_OPTIONS) {
      expect(argument).toMatch(/^<.+>$/);
      expect(help).toMatch(/^[a-z].{10,120}$/);
      expect(off).not.toBe('');
    }
  });
});

test.each([
  ['*0000', '+22997000000', true],
  ['*0000', '+22997000001', false],
  ['+229*', '+22997000000', true],
  ['229*', '+22997000000', true],
  ['+2299*1', '+22997000001', true],
  ['+22997000001', '+229970000011', false],
  ['*', '+22997000000', true],
])('pattern %s and number %s: %s', (pattern, phone, fit) => {
  expect(fits(pattern, phone)).toBe(fit);
});

describe('luck', () => {
  test('is even, and the same for the same words', () => {
    const draws = Array.from({ length: 10_000 }, (_, i) => chance(7, 'throttle', `wsend-1-${i}-aaaaaaaa`, 1));
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...draws)).toBeLessThan(1);
    for (const part of [0.05, 0.2, 0.5]) expect(draws.filter((draw) => draw < part).length / 10_000).toBeCloseTo(part, 1);
    expect(draws[17]).toBe(chance(7, 'throttle', 'wsend-1-17-aaaaaaaa', 1));
    expect(draws[17]).not.toBe(chance(8, 'throttle', 'wsend-1-17-aaaaaaaa', 1));
  });

  test('a share of a rehearsal is struck, the same one every time, and another one at the next try', () => {
    const faults = parseFaults({ resetAfter: '20%', seed: 3 });
    const struck = (nth: number) =>
      Array.from({ length: 1_000 }, (_, i) => decisionOf({ ...SEND, reference: `r${i}`, nth }, faults)).map(
        (fate) => fate.kind === 'taken' && fate.answer === 'reset',
      );
    expect(struck(1)).toEqual(struck(1));
    expect(struck(1)).not.toEqual(struck(2));
    expect(struck(1).filter(Boolean).length).toBeGreaterThan(150);
    expect(struck(1).filter(Boolean).length).toBeLessThan(250);
  });

  test('a number that is rejected stays rejected at every try', () => {
    const faults = parseFaults({ reject: '50%' });
    for (let i = 0; i < 50; i++) {
      const phone = `+2299700${1_000 + i}`;
      expect(decisionOf({ ...SEND, phone, nth: 1 }, faults).kind).toBe(
        decisionOf({ ...SEND, phone, nth: 2, reference: 'other' }, faults).kind,
      );
    }
  });
});

test('the device is offline for its time and no longer', () => {
  const faults = parseFaults({ offline: '1-2' });
  expect([0, 999, 1_000, 1_999, 2_000].map((elapsed) => isOffline(faults, elapsed))).toEqual([false, false, true, true, false]);
  expect(isOffline(NO_FAULTS, 0)).toBe(false);
});
