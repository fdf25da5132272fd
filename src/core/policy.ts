import type { DelayBounds } from './adaptive-delay.ts';
import type { Pace } from './pacing.ts';
import type { RetryPolicy } from './retry-policy.ts';
import type { Milliseconds } from './units.ts';

/** How to send, as configured. Read again before each batch, so that a change applies from the next one on. */
export interface Policy {
  pace: Pace;
  bounds: DelayBounds;
  retry: RetryPolicy;
  /** Most calls in flight at once on the line. */
  concurrency: number;
  /** How long a reference is looked for before it counts as absent. */
  lookupMs: Milliseconds;
  /** How often the line is asked how it is while a run sends; 0: only before the first send, and when something is wrong. */
  askEveryMs: Milliseconds;
  /** Most messages that may wait in the line's own queue, where it tells how many do; 0: as many as come. */
  queueLimit: number;
}
