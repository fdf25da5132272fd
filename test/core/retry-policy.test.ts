import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mayRetry, retryWait, UNREACHABLE_WAIT_LIMIT, unreachableWait } from '../../src/core/retry-policy.ts';

describe('retries', () => {
  it('Property 7, exponential backoff: the wait after failure n is base · 2^(n−1), up to the last attempt', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.nat(3_600_000), fc.integer({ min: 1, max: 10 }), (maxAttempts, baseDelayMs, n) => {
        const policy = { maxAttempts, baseDelayMs };
        expect(retryWait(n, policy)).toBe(baseDelayMs * 2 ** (n - 1));
        expect(retryWait(n + 1, policy)).toBe(2 * retryWait(n, policy));
        expect(mayRetry(n, policy)).toBe(n < maxAttempts);
        expect(unreachableWait(n, policy)).toBe(Math.min(retryWait(n, policy), UNREACHABLE_WAIT_LIMIT));
      }),
    );
  });

  it('waits 60, 120, 240 s by default', () => {
    expect([1, 2, 3].map((n) => retryWait(n, { maxAttempts: 3, baseDelayMs: 60_000 }))).toEqual([60_000, 120_000, 240_000]);
  });
});
