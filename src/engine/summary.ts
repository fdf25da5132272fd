import type { Event, FailureGroup, Latency } from '../core/event.ts';
import type { Progress } from '../core/progress.ts';
import type { Milliseconds } from '../core/units.ts';

/** How a run ended. Left out: nothing failed, no answer was timed, and what is to be done next follows from the progress. */
interface Ended {
  campaign: number;
  progress: Progress;
  durationMs: Milliseconds;
  exitCode: number;
  failures?: FailureGroup[];
  latency?: Latency | null;
  next?: string | undefined;
}

/** The last event of every run that was begun, however it ended. */
export function summaryOf({ failures = [], latency = null, next, ...ended }: Ended): Event {
  return { type: 'summary', ...ended, failures, latency, next: next ?? nextCommand(ended.campaign, ended.progress) };
}

/** The command to type next, or null when there is nothing left to do. */
export function nextCommand(campaign: number, { pending, inDoubt, failed }: Progress): string | null {
  if (pending > 0) return `wsend resume ${campaign}`;
  if (inDoubt > 0) return `wsend reconcile ${campaign}`;
  return failed > 0 ? `wsend retry ${campaign}` : null;
}
