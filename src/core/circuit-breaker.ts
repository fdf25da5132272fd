import { FAILED_LATER } from './delivery.ts';
import { errorRate } from './error-rate.ts';
import { formatPercent } from './units.ts';

/** The error rate above which a campaign is paused: 20 %. */
const OPEN_ABOVE = 0.2;
/** Outcomes of this run before the breaker judges: fewer would let one bad number in four stop a campaign. */
const OUTCOMES_BEFORE_JUDGING = 20;

/** What one run has seen. It starts again with every run, so that a paused campaign can go on. */
export interface CircuitBreaker {
  sent: number;
  failed: number;
  /** How often each failure code was seen. */
  codes: Readonly<Record<string, number>>;
}

export const CLOSED: CircuitBreaker = { sent: 0, failed: 0, codes: {} };

/** The breaker after one more settled recipient: `code` is its failure code, or null when it was sent. */
export function observe(breaker: CircuitBreaker, code: string | null): CircuitBreaker {
  if (code === null) return { ...breaker, sent: breaker.sent + 1 };
  return { ...breaker, failed: breaker.failed + 1, codes: { ...breaker.codes, [code]: (breaker.codes[code] ?? 0) + 1 } };
}

/** The breaker once `late` of those that were sent have failed after all; no more of them than this run has sent count. */
export function reviewed(breaker: CircuitBreaker, late: number): CircuitBreaker {
  const { codes } = breaker;
  const ours = Math.min(late, breaker.sent);
  if (ours === 0) return breaker;
  const often = (codes[FAILED_LATER] ?? 0) + ours;
  return { sent: breaker.sent - ours, failed: breaker.failed + ours, codes: { ...codes, [FAILED_LATER]: often } };
}

/**
 * Why the campaign must pause, such as `11 of 50 failed = 22 %: 9 × phone:invalid, 2 × error:500`, or null while it may go on.
 * It judges from the 20th outcome of the run on, or from the first full batch where batches are smaller.
 */
export function checkCircuitBreaker(breaker: CircuitBreaker, batchSize: number): string | null {
  const settled = breaker.sent + breaker.failed;
  const rate = errorRate(breaker);
  if (settled < Math.min(OUTCOMES_BEFORE_JUDGING, batchSize) || rate <= OPEN_ABOVE) return null;
  const causes = Object.entries(breaker.codes)
    .sort(([, a], [, b]) => b - a)
    .map(([code, count]) => `${count} × ${code}`);
  return `${breaker.failed} of ${settled} failed = ${formatPercent(rate)}: ${causes.join(', ')}`;
}
