/** Whole milliseconds: the unit of every duration inside wsend. Seconds exist only at the edge (flags, environment, output). */
export type Milliseconds = number;

/** A moment, in milliseconds since 1970-01-01 UTC. */
export type EpochMs = number;

export const SECOND: Milliseconds = 1_000;
export const MINUTE: Milliseconds = 60 * SECOND;
export const HOUR: Milliseconds = 60 * MINUTE;
export const DAY: Milliseconds = 24 * HOUR;

/** Seconds as people type them (decimals allowed) in whole milliseconds. */
export function fromSeconds(seconds: number): Milliseconds {
  return Math.round(seconds * SECOND);
}

/** Milliseconds as seconds with at most three decimals, for output. */
export function toSeconds(ms: Milliseconds): number {
  return Math.round(ms) / SECOND;
}

/** A duration as a person reads it: `4.5 s`, `56 min 40 s`, `1 h 43 min 20 s`, `3 d 2 h`. Never negative. */
export function formatDuration(ms: Milliseconds): string {
  if (ms < 10 * SECOND) return `${Math.max(0, Math.round(ms / 100) / 10)} s`;
  const seconds = Math.round(ms / SECOND);
  const [d, h, m, s] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  if (d > 0) return h > 0 ? `${d} d ${h} h` : `${d} d`;
  return [h > 0 && `${h} h`, m > 0 && `${m} min`, s > 0 && `${s} s`].filter(Boolean).join(' ');
}

/** A share as a person reads it: `22 %`, `5.3 %` below ten. */
export function formatPercent(share: number): string {
  const percent = share * 100;
  return `${percent < 10 ? Math.round(percent * 10) / 10 : Math.round(percent)} %`;
}

/** A count with its noun: `1 recipient`, `40 recipients`, `10,000 recipients` (grouped from five digits on). */
export function formatCount(count: number, noun: string, plural = `${noun}s`): string {
  return `${count < 10_000 ? count : count.toLocaleString('en-US')} ${count === 1 ? noun : plural}`;
}
