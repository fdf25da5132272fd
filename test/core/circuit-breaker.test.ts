import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLOSED, checkCircuitBreaker, observe, reviewed } from '../../src/core/circuit-breaker.ts';

const seen = (codes: (string | null)[]) => codes.reduce(observe, CLOSED);

describe('the circuit breaker', () => {
  it('names its cause', () => {
    const codes = [...Array(39).fill(null), ...Array(9).fill('phone:invalid'), 'unconfirmed:http:500', 'unconfirmed:http:500'];
    expect(checkCircuitBreaker(seen(codes), 75)).toBe('11 of 50 failed = 22 %: 9 × phone:invalid, 2 × unconfirmed:http:500');
  });

  it('does not judge before the 20th outcome, or before the first full batch where batches are smaller', () => {
    expect(checkCircuitBreaker(seen(Array(19).fill('x')), 75)).toBeNull();
    expect(checkCircuitBreaker(seen(Array(20).fill('x')), 75)).not.toBeNull();
    expect(checkCircuitBreaker(seen(Array(4).fill('x')), 5)).toBeNull();
    expect(checkCircuitBreaker(seen(Array(5).fill('x')), 5)).not.toBeNull();
  });

  it('counts what failed after it was accepted, up to what this run has sent', () => {
    const breaker = reviewed(seen([...Array(15).fill(null), ...Array(5).fill('phone:invalid')]), 3);
    expect(breaker).toEqual({ sent: 12, failed: 8, codes: { 'phone:invalid': 5, 'message:failed': 3 } });
    expect(reviewed(breaker, 100)).toMatchObject({ sent: 0, failed: 20 });
    expect(reviewed(CLOSED, 4)).toEqual(CLOSED);
  });

  it('opens above 20 %, never at 20 % or below', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.constantFrom('a', 'b'), { nil: null, freq: 4 }), { minLength: 20, maxLength: 400 }), (codes) => {
        const failed = codes.filter((code) => code !== null).length;
        expect(checkCircuitBreaker(seen(codes), 75) !== null).toBe(failed * 5 > codes.length);
      }),
    );
  });
});
