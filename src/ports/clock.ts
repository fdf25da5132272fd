import type { EpochMs, Milliseconds } from '../core/units.ts';

export interface Clock {
  now(): EpochMs;
  /** Time that has passed since some moment: no step of the clock changes it, and it may stand still while the machine sleeps. */
  uptime(): Milliseconds;
  /** Resolves at `until`, or as soon as `wake` is aborted. Never rejects, never resolves before `until` unless woken. */
  sleep(until: EpochMs, wake?: AbortSignal): Promise<void>;
  /** Resolves once everything that has already arrived is dealt with: at the end of this turn of the event loop. */
  turn(): Promise<void>;
}
