import type { Latency } from './event.ts';
import type { Milliseconds } from './units.ts';

/** The width of a bucket: each is 2 % wider than the one before, so a value read back is within about 1 % of the true one. */
const GROWTH = Math.log(1.02);
/** The last bucket begins at about 13 min, far beyond any timeout of one call; slower answers count there. */
const BUCKETS = 690;

/** Answer times of a run in buckets that grow with the time: constant memory for any number of sends. */
export interface Histogram {
  counts: Uint32Array;
  total: number;
}

export function newHistogram(): Histogram {
  return { counts: new Uint32Array(BUCKETS), total: 0 };
}

/** Counts one answer time. Changes the histogram in place: it is called for every send. Negative or missing times count as 0. */
export function record(histogram: Histogram, ms: Milliseconds): void {
  const bucket = ms > 1 ? Math.min(BUCKETS - 1, Math.floor(Math.log(ms) / GROWTH)) : 0;
  histogram.counts[bucket] = (histogram.counts[bucket] ?? 0) + 1;
  histogram.total += 1;
}

/** Median and 95th percentile (nearest rank, whole milliseconds, within about 1 %), or null when nothing was recorded. */
export function latencyOf(histogram: Histogram): Latency | null {
  if (histogram.total === 0) return null;
  return { medianMs: percentile(histogram, 0.5), p95Ms: percentile(histogram, 0.95) };
}

function percentile({ counts, total }: Histogram, share: number): Milliseconds {
  let left = Math.ceil(total * share);
  let bucket = 0;
  while (bucket < BUCKETS - 1 && left > (counts[bucket] ?? 0)) left -= counts[bucket++] ?? 0;
  return Math.round(Math.exp((bucket + 0.5) * GROWTH));
}
