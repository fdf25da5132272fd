import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterClockStep, afterOthers, countedStart, nextStart, started, UNPACED } from '../../src/core/pacing.ts';

const pace = fc.record({ delayMs: fc.nat(10_000), batchSize: fc.integer({ min: 1, max: 30 }), batchPauseMs: fc.nat(60_000) });

describe('pacing', () => {
  it('never starts a send less than one delay, after the last; nothing is caught up after a stall', () => {
    fc.assert(
      fc.property(pace, fc.array(fc.nat(30_000), { maxLength: 100 }), (chosen, lateness) => {
        let state = UNPACED;
        let last = Number.NEGATIVE_INFINITY;
        for (const late of lateness) {
          const planned = nextStart(state, chosen, Math.max(last, 0));
          const actual = planned + (late % 3 === 0 ? late : late % 3);
          expect(actual - last).toBeGreaterThanOrEqual(chosen.delayMs);
          state = started(state, chosen, countedStart(planned, actual));
          last = actual;
        }
      }),
    );
  });

  it('does not let rounding add up: 1000 sends that each start 0.9 ms late are 0.9 ms late altogether', () => {
    const chosen = { delayMs: 100, batchSize: 5_000, batchPauseMs: 0 };
    let state = started(UNPACED, chosen, 0);
    for (let i = 0; i < 1_000; i += 1) {
      const planned = nextStart(state, chosen, state.lastStart ?? 0);
      state = started(state, chosen, countedStart(planned, planned + 0.9));
    }
    expect(state.lastStart).toBe(100_000);
  });

  it('a clock that was set back does not hold the campaign up for longer than a gap', () => {
    const chosen = { delayMs: 3_000, batchSize: 75, batchPauseMs: 0 };
    const state = afterClockStep({ ...started(UNPACED, chosen, 10_000_000), notBefore: 900_000_000_000 }, 1_000);
    expect(nextStart({ ...state, notBefore: 0 }, chosen, 1_000)).toBe(4_000);
    expect(state.notBefore).toBe(86_401_000);
    expect(afterClockStep(started(UNPACED, chosen, 500), 1_000)).toEqual(started(UNPACED, chosen, 500));
  });

  it('waits one whole delay after others may have sent, and never less than after its own last', () => {
    const chosen = { delayMs: 3_000, batchSize: 75, batchPauseMs: 0 };
    expect(nextStart(afterOthers(UNPACED, 5_000), chosen, 5_000)).toBe(8_000);
    expect(nextStart(afterOthers(started(UNPACED, chosen, 6_000), 5_000), chosen, 6_000)).toBe(9_000);
  });

  it('waits as long as the provider asked', () => {
    const state = { ...UNPACED, lastStart: 1_000, notBefore: 90_000 };
    expect(nextStart(state, { delayMs: 3_000, batchSize: 75, batchPauseMs: 0 }, 2_000)).toBe(90_000);
  });
});
