import { MINUTE, type Milliseconds, SECOND } from './units.ts';

/** How often one message is tried, and how long after a failure. */
export interface RetryPolicy {
  /** Attempts per message, the first included (`MAX_RETRY_ATTEMPTS`, default 3). */
  maxAttempts: number;
  /** Wait after the first failure (`RETRY_BASE_DELAY_SECONDS`, default 60 s); it doubles with each further one. */
  baseDelayMs: Milliseconds;
}

/** Wait after a 429 without `Retry-After`: the provider's own advice is about a minute. */
export const THROTTLED_WAIT: Milliseconds = 60 * SECOND;
/** Wait before the device is asked again whether it is back, and how many messages wait in its queue. */
export const OFFLINE_WAIT: Milliseconds = 20 * SECOND;
/** The longest single wait for a provider that cannot be reached. */
export const UNREACHABLE_WAIT_LIMIT: Milliseconds = 5 * MINUTE;
/** Line-wide waiting in a row after which the campaign pauses: by then a person should look. */
export const WAITING_LIMIT: Milliseconds = 30 * MINUTE;

/** Wait after failure `n` (from 1) of one message: base · 2^(n−1). */
export function retryWait(n: number, policy: RetryPolicy): Milliseconds {
  return policy.baseDelayMs * 2 ** (n - 1);
}

/** Wait after the `n`-th (from 1) failure in a row to reach the provider at all: base · 2^(n−1), at most 5 min. */
export function unreachableWait(n: number, policy: RetryPolicy): Milliseconds {
  return Math.min(retryWait(n, policy), UNREACHABLE_WAIT_LIMIT);
}

/** True when failure `n` (from 1) leaves an attempt to make. */
export function mayRetry(n: number, policy: RetryPolicy): boolean {
  return n < policy.maxAttempts;
}
