import type { Change, Settled } from '../core/checkpoint.ts';
import { SKIPPED, UNCONFIRMED } from '../core/note.ts';
import type { EpochMs, Milliseconds } from '../core/units.ts';
import { learn, move } from './account.ts';
import type { PreparedMessage, Problem, Run } from './parts.ts';

/** How an outcome was learned. */
interface Learned {
  /** The answer's time, when one was measured. */
  latencyMs?: Milliseconds;
  /** The database has it already. */
  isStored?: boolean;
}

/** Sent or failed for good: recorded, learned from, and told once it is durable. */
export async function settle(
  run: Run,
  message: PreparedMessage,
  result: Settled,
  { latencyMs, isStored = false }: Learned = {},
): Promise<void> {
  const stored: Change[] = isStored ? [{ type: 'stored', messages: [result.message] }] : [];
  const durable = run.journal.write({ type: 'settle', result }, ...stored);
  learn(run, result, latencyMs);
  placePerson(run, message, result);
  await durable;
  if (!isStored) run.outbox.add(result);
  move(run, message, result.kind, result.kind === 'failed' ? result.code : undefined);
  const attempted = { ...message.attempted, attempt: Math.max(1, result.attempts), progress: run.account.progress };
  if (result.kind === 'sent') run.report.tell({ type: 'sent', ...attempted, providerId: result.providerId, latencyMs: latencyMs ?? 0 });
  else run.report.tell({ type: 'failed', ...attempted, code: result.code, reason: result.reason });
}

/** Nobody else's message takes the place of one that was sent; one that failed without ever having been taken leaves it to another. */
function placePerson({ persons }: Run, { claim: { phone, message } }: PreparedMessage, result: Settled): void {
  if (result.kind === 'sent') persons.hold(phone, message);
  else if (result.providerId === null && !result.code.startsWith(UNCONFIRMED)) persons.free(phone, message);
}

/** Certainly not taken, and not the recipient's doing: pending again, to be tried from `dueAt` on, with no attempt used up. */
export async function putBack(run: Run, message: PreparedMessage, dueAt: EpochMs): Promise<void> {
  const recipient = { ...message.queued.recipient, marked: false, skipped: false };
  run.queue.retry({ ...message.queued, recipient }, dueAt, run.clock.now());
  const { message: id } = message.claim;
  await run.journal.write({ type: 'retry', retry: { message: id, attempts: message.queued.attempts, dueAt } });
  move(run, message, 'pending');
}

/** The contact wants no messages: left out without a call, and said once. The row stays pending with a note, in case they change their mind. */
export async function skip(run: Run, message: PreparedMessage): Promise<void> {
  if (message.queued.recipient.skipped) return;
  const { message: id } = message.claim;
  await run.journal.write({ type: 'forget', message: id });
  run.outbox.add({ kind: 'marked', message: id, note: SKIPPED, at: run.clock.now(), attempts: message.queued.attempts });
  move(run, message, 'skipped');
  run.report.tell({ type: 'skipped', ...message.attempted, reason: 'opted_out', progress: run.account.progress });
}

/** A row that cannot be sent as the database holds it fails without a call. */
export function refuse(run: Run, message: PreparedMessage, problem: Problem): Promise<void> {
  const done = { message: message.claim.message, at: run.clock.now(), attempts: message.queued.attempts, providerId: null };
  return settle(run, message, { kind: 'failed', ...done, ...problem });
}
