import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eta, OLDER_PACE, timeLeft } from '../../src/core/eta.ts';
import { nextStart, started, UNPACED } from '../../src/core/pacing.ts';

const PACE = { delayMs: 3_000, batchSize: 75, batchPauseMs: 30_000 };

describe('the estimate', () => {
  it('of 1000 recipients is 56 min 40 s, and was 1 h 43 min 20 s', () => {
    expect(eta(1_000, PACE)).toBe(3_400_000);
    expect(eta(1_000, OLDER_PACE)).toBe(6_200_000);
  });

  it('of the time left is what the remaining sends really take', () => {
    const pace = fc.record({ delayMs: fc.nat(9_000), batchSize: fc.integer({ min: 1, max: 30 }), batchPauseMs: fc.nat(40_000) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.nat(100), fc.nat(50_000), pace, (remaining, done, elapsed, chosen) => {
        let state = UNPACED;
        let now = 1_000_000;
        for (let i = 0; i < done; i += 1) {
          now = nextStart(state, chosen, now);
          state = started(state, chosen, now);
        }
        const begin = now + elapsed;
        const left = timeLeft(remaining, chosen, state, begin);
        now = begin;
        for (let i = 0; i < remaining; i += 1) {
          now = Math.max(now, nextStart(state, chosen, now));
          state = started(state, chosen, now);
        }
        expect(left).toBe(now - begin);
      }),
    );
  });
});
