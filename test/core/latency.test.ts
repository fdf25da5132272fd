import fc from 'fast-check';
import { expect, test } from 'vitest';
import { latencyOf, newHistogram, record } from '../../src/core/latency.ts';

function histogramOf(times: number[]) {
  const histogram = newHistogram();
  for (const ms of times) record(histogram, ms);
  return histogram;
}

test('before the first answer nothing is claimed about answer times', () => {
  expect(latencyOf(newHistogram())).toBeNull();
});

test.each([
  { times: [0], medianMs: 1, p95Ms: 1 },
  { times: [212], medianMs: 212, p95Ms: 212 },
  { times: [...Array(95).fill(200), ...Array(5).fill(9_000)], medianMs: 200, p95Ms: 200 },
  { times: [...Array(94).fill(200), ...Array(6).fill(9_000)], medianMs: 200, p95Ms: 8_949 },
])('$times.length answers have a median of $medianMs ms and 95 % within $p95Ms ms', ({ times, ...expected }) => {
  expect(latencyOf(histogramOf(times))).toEqual(expected);
});

test('median and 95th percentile are within 1 % (and half a millisecond) of the true ones', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 1, max: 600_000, noNaN: true }), { minLength: 1, maxLength: 300 }), (times) => {
      const sorted = [...times].sort((a, b) => a - b);
      const rank = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
      const latency = latencyOf(histogramOf(times));
      expect(Math.abs((latency?.medianMs ?? 0) - rank(0.5))).toBeLessThanOrEqual(rank(0.5) * 0.0101 + 0.5);
      expect(Math.abs((latency?.p95Ms ?? 0) - rank(0.95))).toBeLessThanOrEqual(rank(0.95) * 0.0101 + 0.5);
    }),
  );
});

test('a time that cannot be, or that has no end, still counts and breaks nothing', () => {
  const latency = latencyOf(histogramOf([-5, Number.NaN, Number.POSITIVE_INFINITY]));
  expect(latency?.medianMs).toBe(1);
  expect(latency?.p95Ms).toBeGreaterThan(600_000);
});
