import type { PauseReason } from '../core/event.ts';
import { CheckpointUnreachable, DatabaseUnreachable, InfrastructureError, UsageError } from '../errors.ts';
import type { Course, Run } from './parts.ts';

/** The course of a run that has just begun. */
export function newCourse(): Course {
  return {
    stop: null,
    broken: null,
    away: false,
    over: new AbortController(),
    stopping: new AbortController(),
    ended: new AbortController(),
    underWay: new Set(),
  };
}

/** Asks the run to send nothing more; the first reason counts. */
export function stopRun(run: Run, reason: PauseReason, detail: string): void {
  run.course.stop ??= { reason, detail };
  if (reason === 'signal') run.course.stopping.abort();
  run.course.over.abort();
  run.line.bell.wake();
}

/**
 * Ends the run for something unasked; the first cause counts. A store that is away when a signal has stopped the run is none: the person who
 * pressed Ctrl-C does not wait for it, and the next run continues with what is kept.
 */
export function breakRun(run: Run, cause: unknown): void {
  const isAway = cause instanceof DatabaseUnreachable || cause instanceof CheckpointUnreachable;
  if (isAway && run.course.stop?.reason === 'signal' && run.course.broken === null) run.course.away = true;
  else run.course.broken ??= run.batches.starts > 0 ? notBefore(cause) : cause;
  run.course.stopping.abort();
  run.course.over.abort();
  run.line.bell.wake();
}

/** Wrong use that only shows once something was sent (a password that was changed, say) is an outage: exit code 2 says that nothing was. */
function notBefore(cause: unknown): unknown {
  return cause instanceof UsageError ? new InfrastructureError(cause.message, cause.next, cause) : cause;
}

/** True while the run may start another send. */
export function maySend({ course }: Run): boolean {
  return course.stop === null && course.broken === null;
}

/** True while what was started may still be sent: a limit stops the starting of others, and nothing else. */
export function mayLeave({ course: { stop, broken } }: Run): boolean {
  return broken === null && (stop === null || stop.reason === 'limit');
}

/** Until when both leases are certainly ours; nothing is written to the provider later. */
export function sureUntil({ lease, line, clock }: Run): number {
  const now = clock.now();
  return Math.min(lease.goodUntil(now), line.lease.goodUntil(now));
}

/** Asks the database whether both leases are still ours. */
export async function confirmLeases({ lease, line }: Run): Promise<void> {
  await Promise.all([...new Set([lease, line.lease])].map((held) => held.confirm()));
}

/** Lets something go on beside the loop; a failure of it breaks the run. */
export function inBackground(run: Run, work: Promise<void>): void {
  const { underWay } = run.course;
  const watched: Promise<void> = work
    .catch((cause) => breakRun(run, cause))
    .finally(() => {
      underWay.delete(watched);
      run.line.bell.wake();
    });
  underWay.add(watched);
}
