import { checkCircuitBreaker, observe } from '../core/circuit-breaker.ts';
import { record as recordLatency } from '../core/latency.ts';
import { SKIPPED } from '../core/note.ts';
import { admit, type Standing, updateProgress } from '../core/progress.ts';
import type { EpochMs, Milliseconds } from '../core/units.ts';
import type { Settled } from '../ports.ts';
import type { Addressed, Problem } from './envelope.ts';
import { type Run, stopRun } from './run.ts';
import { pacingToKeep } from './turn.ts';

/** Sent or failed for good: recorded, learned from, and told once it is durable. `latencyMs` is the answer's time, when one was measured. */
export async function settle(run: Run, message: Addressed, result: Settled, latencyMs?: Milliseconds): Promise<void> {
  const durable = run.journal.write({ type: 'settle', result }, pacingToKeep(run));
  learn(run, result, latencyMs);
  await durable;
  run.outbox.add(result);
  move(run, message, result.kind);
  const attempted = { ...message.attempted, attempt: Math.max(1, result.attempts), progress: run.progress };
  if (result.kind === 'sent') run.report.tell({ type: 'sent', ...attempted, providerId: result.providerId, latencyMs: latencyMs ?? 0 });
  else run.report.tell({ type: 'failed', ...attempted, code: result.code, reason: result.reason });
}

/** Counts the recipient where it stands now. One that was added to the campaign while it runs is counted in first. */
export function move(run: Run, message: Addressed, to: Standing): void {
  const counted = run.progress[message.standing] > 0;
  if (!counted) run.progress = admit(run.progress);
  run.progress = updateProgress(run.progress, counted ? message.standing : 'pending', to);
}

/** What an outcome teaches: that the line works and how fast (when it was a call's answer), and whether the circuit breaker must open. */
function learn(run: Run, result: Settled, latencyMs: Milliseconds | undefined): void {
  if (latencyMs !== undefined) {
    run.trouble = null;
    recordLatency(run.latency, latencyMs);
  }
  if (result.kind === 'failed') {
    const seen = run.failures.get(result.code)?.count ?? 0;
    run.failures.set(result.code, { code: result.code, reason: result.reason, count: seen + 1 });
  }
  run.breaker = observe(run.breaker, result.kind === 'failed' ? result.code : null);
  const cause = checkCircuitBreaker(run.breaker, run.current.pace.batchSize);
  if (cause !== null) stopRun(run, 'circuit_breaker', cause);
}

/** Surely not taken, and not the recipient's doing: pending again, to be tried from `dueAt` on, with no attempt used up. */
export async function putBack(run: Run, message: Addressed, dueAt: EpochMs): Promise<void> {
  const recipient = { ...message.queued.recipient, marked: false, skipped: false };
  run.queue.retry({ ...message.queued, recipient }, dueAt, run.clock.now());
  const { message: id } = message.claim;
  await run.journal.write({ type: 'retry', retry: { message: id, attempts: message.queued.attempts, dueAt } }, pacingToKeep(run));
  move(run, message, 'pending');
}

/** The contact wants no messages: left out without a call, and said once. The row stays pending with a note, in case they change their mind. */
export async function skip(run: Run, message: Addressed): Promise<void> {
  if (message.queued.recipient.skipped) return;
  const { message: id } = message.claim;
  await run.journal.write({ type: 'forget', message: id });
  run.outbox.add({ kind: 'marked', message: id, note: SKIPPED, at: run.clock.now(), attempts: message.queued.attempts });
  move(run, message, 'skipped');
  run.report.tell({ type: 'skipped', ...message.attempted, reason: 'opted_out', progress: run.progress });
}

/** A row that cannot be sent as the database holds it fails without a call. */
export async function refuse(run: Run, message: Addressed, problem: Problem): Promise<void> {
  const at = run.clock.now();
  void run.journal.write({ type: 'claim', claim: { ...message.claim, at } });
  await settle(run, message, {
    kind: 'failed',
    message: message.claim.message,
    ...problem,
    at,
    attempts: message.queued.attempts,
    providerId: null,
  });
}
