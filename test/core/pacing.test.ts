import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterClockStep, batchIsFull, nextStart, started, UNPACED } from '../../src/core/pacing.ts';

const pace = fc.record({ delayMs: fc.nat(10_000), batchSize: fc.integer({ min: 1, max: 30 }), batchPauseMs: fc.nat(60_000) });

describe('pacing', () => {
  it('never starts a send less than one delay after the last, nor a batch without its pause; nothing is caught up after a stall', () => {
    fc.assert(
      fc.property(pace, fc.array(fc.nat(30_000), { maxLength: 100 }), (chosen, lateness) => {
        let state = UNPACED;
        let last = Number.NEGATIVE_INFINITY;
        for (const [i, late] of lateness.entries()) {
          const opensBatch = i > 0 && i % chosen.batchSize === 0;
          expect(batchIsFull(state, chosen)).toBe(opensBatch);
          const planned = nextStart(state, chosen, Math.max(last, 0));
          const actual = planned + late;
          expect(actual - last).toBeGreaterThanOrEqual(chosen.delayMs + (opensBatch ? chosen.batchPauseMs : 0));
          state = started(state, chosen, actual);
          expect(state.lastStart).toBe(actual);
          last = actual;
        }
      }),
    );
  });

  it('a clock that was set back does not hold the campaign up for longer than a gap', () => {
    const chosen = { delayMs: 3_000, batchSize: 75, batchPauseMs: 0 };
    const state = afterClockStep({ ...started(UNPACED, chosen, 10_000_000), notBefore: 900_000_000_000 }, 1_000);
    expect(nextStart({ ...state, notBefore: 0 }, chosen, 1_000)).toBe(4_000);
    expect(state.notBefore).toBe(86_401_000);
    expect(afterClockStep(started(UNPACED, chosen, 500), 1_000)).toEqual(started(UNPACED, chosen, 500));
  });

  it('waits as long as the provider asked', () => {
    const state = { ...UNPACED, lastStart: 1_000, notBefore: 90_000 };
    expect(nextStart(state, { delayMs: 3_000, batchSize: 75, batchPauseMs: 0 }, 2_000)).toBe(90_000);
  });
});
