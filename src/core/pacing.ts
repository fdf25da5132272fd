import { DAY, type EpochMs, type Milliseconds } from './units.ts';

/** D, B and P of one batch. */
export interface Pace {
  /** D: between the starts of two consecutive sends on the line. */
  delayMs: Milliseconds;
  /** B: sends per batch, at least 1. */
  batchSize: number;
  /** P: rest after a full batch, on top of D. */
  batchPauseMs: Milliseconds;
}

/** What pacing must remember, within a run and from one run to the next. */
export interface PacingState {
  /** Start of the last send on this line, or null before the first. */
  lastStart: EpochMs | null;
  /** Sends started in the current batch, 0 to B. */
  sentInBatch: number;
  /** No send before this: the provider asked us to wait. 0 when it did not. */
  notBefore: EpochMs;
  /** A 429 was seen in the current batch: the next one goes slower. */
  throttled?: boolean;
}

export const UNPACED: PacingState = { lastStart: null, sentInBatch: 0, notBefore: 0 };

/** True when the current batch is full and the next send opens a new one. */
export function batchIsFull(state: PacingState, pace: Pace): boolean {
  return state.sentInBatch >= pace.batchSize;
}

/**
 * The earliest moment of the next send: one delay after the last start, a batch pause more when the batch is full, never before the
 * provider allows it. Nothing is ever caught up.
 */
export function nextStart(state: PacingState, pace: Pace, now: EpochMs): EpochMs {
  if (state.lastStart === null) return Math.max(now, state.notBefore);
  const gap = pace.delayMs + (batchIsFull(state, pace) ? pace.batchPauseMs : 0);
  return Math.max(state.lastStart + gap, state.notBefore);
}

/** The state once the clock may have been set back: a last start in the future counts as now, and no wait is longer than a day. */
export function afterClockStep(state: PacingState, now: EpochMs): PacingState {
  const inTime = (state.lastStart ?? now) <= now && state.notBefore <= now + DAY;
  if (inTime) return state;
  return { ...state, lastStart: state.lastStart && Math.min(state.lastStart, now), notBefore: Math.min(state.notBefore, now + DAY) };
}

/** The state after one more send, counted from `start`. */
export function started(state: PacingState, pace: Pace, start: EpochMs): PacingState {
  return { ...state, lastStart: start, sentInBatch: batchIsFull(state, pace) ? 1 : state.sentInBatch + 1 };
}
