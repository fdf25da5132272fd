import type { Campaign } from '../core/campaign.ts';
import type { Calls, Event, FailureGroup, Latency } from '../core/event.ts';
import type { Progress } from '../core/progress.ts';
import type { Milliseconds } from '../core/units.ts';

/** How a run ended. Left out: nothing failed, no call was made, and what is to be done next follows from the progress. */
interface Ended {
  campaign: number;
  progress: Progress;
  durationMs: Milliseconds;
  exitCode: number;
  failures?: FailureGroup[];
  latency?: Latency | null;
  calls?: Calls | null;
  next?: string | null;
}

/** The last event of every run that was begun, however it ended. */
export function summaryOf({ failures = [], latency = null, calls = null, next, ...ended }: Ended): Event {
  return {
    type: 'summary',
    ...ended,
    failures,
    latency,
    calls,
    next: next === undefined ? nextCommand({ id: ended.campaign, cancelledAt: null }, ended.progress) : next,
  };
}

/** The command to type next, or null when there is nothing left to do. Of a cancelled campaign only what is in doubt can be settled. */
export function nextCommand(
  { id, cancelledAt }: Pick<Campaign, 'id' | 'cancelledAt'>,
  { pending, inDoubt, failed, duplicates = 0 }: Progress,
): string | null {
  if (cancelledAt !== null) return inDoubt > 0 ? `wsend reconcile ${id}` : null;
  if (pending > 0) return `wsend resume ${id}`;
  if (inDoubt > 0) return `wsend reconcile ${id}`;
  return failed > duplicates ? `wsend retry ${id}` : null;
}
