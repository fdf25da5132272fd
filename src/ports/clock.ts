import type { EpochMs } from '../core/units.ts';

export interface Clock {
  now(): EpochMs;
  /** Resolves at `until`, or as soon as `wake` is aborted. Never rejects, never resolves before `until` unless woken. */
  sleep(until: EpochMs, wake?: AbortSignal): Promise<void>;
  /** Resolves once everything that has already arrived is dealt with: at the end of this turn of the event loop. */
  turn(): Promise<void>;
}
