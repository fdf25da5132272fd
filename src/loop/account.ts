import type { Settled } from '../core/checkpoint.ts';
import { CLOSED, checkCircuitBreaker, observe } from '../core/circuit-breaker.ts';
import type { Calls } from '../core/event.ts';
import { newHistogram, record as recordLatency } from '../core/latency.ts';
import { isOfLine } from '../core/line-condition.ts';
import { DUPLICATE } from '../core/person.ts';
import { admit, type Progress, type Standing, updateProgress } from '../core/progress.ts';
import type { EpochMs, Milliseconds } from '../core/units.ts';
import { stopRun } from './course.ts';
import type { Account, PreparedMessage, Run } from './parts.ts';

/** The account of a run that begins at `startedAt`. */
export function newAccount(progress: Progress, othersPending: number, startedAt: EpochMs, failedOfLine: number): Account {
  const recounted = { at: 0, pause: 0 };
  const known = { progress, othersPending, failedOfLine, startedAt };
  return { ...known, breaker: CLOSED, failures: new Map(), latency: newHistogram(), recounted, calls: null };
}

/** Counts a call that began at `at`. */
export function countCall(account: Account, at: EpochMs): void {
  const { first, last, count } = account.calls ?? { first: at, last: at, count: 0 };
  account.calls = { first: Math.min(first, at), last: Math.max(last, at), count: count + 1 };
}

/** The calls of a run, as its summary tells them. */
export function callsOf({ calls }: Account): Calls | null {
  return calls && { count: calls.count, spanMs: calls.last - calls.first };
}

/** Pending recipients that are this run's to send to. */
export function ownPending({ progress, othersPending }: Account): number {
  return Math.max(0, progress.pending - othersPending);
}

/** Counts the recipient where it stands now, failed with a `code`. One that was added to the campaign while it runs is counted in first. */
export function move({ account }: Run, message: PreparedMessage, to: Standing, code?: string): void {
  const counted = account.progress[message.standing] > 0;
  if (!counted) account.progress = admit(account.progress);
  account.progress = updateProgress(account.progress, counted ? message.standing : 'pending', to);
  if (code === DUPLICATE) account.progress = { ...account.progress, duplicates: (account.progress.duplicates ?? 0) + 1 };
}

/** What an outcome teaches: that the line works and how fast (when it was a call's answer), and whether the circuit breaker must open. */
export function learn(run: Run, result: Settled, latencyMs: Milliseconds | undefined): void {
  const { account } = run;
  if (latencyMs !== undefined) {
    // That the provider takes a message says nothing of a line that called itself unready: only its own word ends that.
    if (!run.line.askFirst) run.line.trouble = null;
    recordLatency(account.latency, latencyMs);
  }
  if (result.kind === 'failed') {
    const seen = account.failures.get(result.code)?.count ?? 0;
    account.failures.set(result.code, { code: result.code, reason: result.reason, count: seen + 1 });
  }
  if (result.kind === 'failed' && result.code === DUPLICATE) return;
  if (result.kind === 'failed' && isOfLine(result.code)) {
    learnOfLine(run, 1, `${result.code}: ${result.reason}`);
  } else {
    account.breaker = observe(account.breaker, result.kind === 'failed' ? result.code : null);
    openIfTooMany(run);
  }
}

/**
 * Messages that the provider had accepted failed for the sake of our line or account: not their recipients' doing, so neither the error rate nor
 * the circuit breaker counts them. Every further send would fare the same: the run stops. `wsend retry` sends them once the line is well.
 */
export function learnOfLine(run: Run, count: number, what: string): void {
  run.account.failedOfLine += count;
  stopRun(run, 'barred', what);
}

/** How the campaign fares as far as its recipients are to blame. */
export function blamed({ progress, failedOfLine }: Account): Progress {
  return { ...progress, failed: Math.max(0, progress.failed - failedOfLine) };
}

/** Stops the run when the circuit breaker must open. */
export function openIfTooMany(run: Run): void {
  const cause = checkCircuitBreaker(run.account.breaker, run.batches.policy.pace.batchSize);
  if (cause !== null) stopRun(run, 'circuit_breaker', cause);
}
