import type { Milliseconds } from './units.ts';

/** The error rate above which the next batch goes slower: 5 %. */
export const SLOW_DOWN_ABOVE = 0.05;
/** How much slower: half as much again. */
const SLOW_DOWN_FACTOR = 1.5;

/** The limits of an adjusted delay. */
export interface DelayBounds {
  minDelayMs: Milliseconds;
  maxDelayMs: Milliseconds;
}

/**
 * The delay of the next batch: min(D × 1.5, MAX) when more than 5 % failed or the provider throttled us (429) during the last batch,
 * else max(D, MIN). Always computed from the configured D, so it returns to D once the rate is 5 % or less, and never compounds.
 */
export function adaptiveDelay(delayMs: Milliseconds, errorRate: number, throttled: boolean, bounds: DelayBounds): Milliseconds {
  const wanted = errorRate > SLOW_DOWN_ABOVE || throttled ? Math.round(delayMs * SLOW_DOWN_FACTOR) : delayMs;
  return Math.max(bounds.minDelayMs, Math.min(wanted, bounds.maxDelayMs));
}
