import type { EpochMs, Milliseconds } from '../core/units.ts';

/** Gaps that are remembered, the newest: enough for any rehearsal that a person looks at. */
const GAPS_KEPT = 10_000;

/** What a sandbox has seen since it was started. */
export interface Statistics {
  requests: number;
  /** Requests to send, however they ended. */
  sends: number;
  statuses: Record<string, number>;
  /** Between the starts of two consecutive requests to send. */
  gaps: { count: number; minMs: Milliseconds | null; medianMs: Milliseconds | null; maxMs: Milliseconds | null };
}

/** Counts as requests come and answers go. */
export function countStatistics() {
  const statuses: Record<string, number> = {};
  let requests = 0;
  let sends = 0;
  let last: EpochMs | null = null;
  let gaps: Milliseconds[] = [];
  return {
    request(): void {
      requests++;
    },
    /** A request to send has come; returns how many there were, this one included. */
    send(at: EpochMs): number {
      if (last !== null) gaps.push(at - last);
      last = at;
      if (gaps.length > 2 * GAPS_KEPT) gaps = gaps.slice(-GAPS_KEPT);
      return ++sends;
    },
    /** An answer has gone out: its status, or how it was lost. */
    answer(ending: number | 'reset' | 'cut'): void {
      statuses[ending] = (statuses[ending] ?? 0) + 1;
    },
    read(): Statistics {
      const kept = gaps.slice(-GAPS_KEPT).sort((a, b) => a - b);
      const at = (index: number) => kept[index] ?? null;
      return {
        requests,
        sends,
        statuses: { ...statuses },
        gaps: { count: kept.length, minMs: at(0), medianMs: at(kept.length >> 1), maxMs: at(kept.length - 1) },
      };
    },
  };
}
