import { batchIsFull, type Pace, type PacingState } from './pacing.ts';
import type { EpochMs, Milliseconds } from './units.ts';

/** A cautious pace, for comparison: 5 s apart, batches of 50, 60 s between them. */
export const OLDER_PACE: Pace = { delayMs: 5_000, batchSize: 50, batchPauseMs: 60_000 };

/** ETA of `count` sends: (N·D) + ((N/B)·P), N/B not rounded. 1000 at 3 s / 75 / 30 s are 3,400,000 ms. */
export function eta(count: number, pace: Pace): Milliseconds {
  return Math.round(count * pace.delayMs + (count / pace.batchSize) * pace.batchPauseMs);
}

/** Time left in a running campaign: `remaining` sends at the current delay, and the whole pauses still to come. */
export function timeLeft(remaining: number, pace: Pace, state: PacingState, now: EpochMs): Milliseconds {
  if (remaining === 0) return 0;
  const inThisBatch = batchIsFull(state, pace) ? pace.batchSize : pace.batchSize - state.sentInBatch;
  const pausesAfter = Math.ceil(Math.max(0, remaining - inThisBatch) / pace.batchSize);
  const dueIn =
    state.lastStart === null ? 0 : Math.max(0, state.lastStart + pace.delayMs + (batchIsFull(state, pace) ? pace.batchPauseMs : 0) - now);
  return Math.max(dueIn, state.notBefore - now, 0) + (remaining - 1) * pace.delayMs + pausesAfter * pace.batchPauseMs;
}
