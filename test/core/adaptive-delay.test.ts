import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adaptiveDelay } from '../../src/core/adaptive-delay.ts';
import { errorRate } from '../../src/core/error-rate.ts';

const BOUNDS = { minDelayMs: 2_000, maxDelayMs: 10_000 };

describe('the adaptive delay', () => {
  it.each([
    [3_000, 0, false, 3_000],
    [3_000, 0.05, false, 3_000],
    [3_000, 0.0501, false, 4_500],
    [3_000, 0, true, 4_500],
    [8_000, 0.06, false, 10_000],
    [1_000, 0, false, 2_000],
    [1_000, 0.5, false, 2_000],
  ])('of %i ms at an error rate of %f (429 seen: %s) is %i ms', (delayMs, rate, throttled, expected) => {
    expect(adaptiveDelay(delayMs, rate, throttled, BOUNDS)).toBe(expected);
  });

  it('Property 2, adaptive rate limiting: half as much again above 5 %, D otherwise, always within the bounds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 20_000 }),
        fc.nat(2_000),
        fc.oneof(fc.nat(2_000), fc.nat(100)),
        fc.boolean(),
        fc.tuple(fc.nat(10_000), fc.nat(10_000)),
        (delayMs, sent, failed, throttled, [a, b]) => {
          const bounds = { minDelayMs: Math.min(a, b), maxDelayMs: Math.max(a, b) };
          const rate = errorRate({ sent, failed });
          const delay = adaptiveDelay(delayMs, rate, throttled, bounds);
          const slow = failed * 20 > sent + failed || throttled;
          const wanted = slow ? Math.round(delayMs * 1.5) : delayMs;
          expect(delay).toBe(Math.min(Math.max(wanted, bounds.minDelayMs), bounds.maxDelayMs));
        },
      ),
    );
  });
});
