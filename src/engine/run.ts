import type { Campaign, MessageType } from '../core/campaign.ts';
import type { Claim, Owner } from '../core/checkpoint.ts';
import type { PauseReason } from '../core/event.ts';
import type { Policy } from '../core/policy.ts';
import { CheckpointUnreachable, DatabaseUnreachable, InfrastructureError, UsageError } from '../errors.ts';
import type { CampaignStore, Clock, Processes, RecipientStore, Report } from '../ports.ts';
import type { Account } from './account.ts';
import type { Addressed } from './envelope.ts';
import type { HeldLease } from './held-lease.ts';
import type { Journal } from './journal.ts';
import type { Line } from './line.ts';
import type { OptOutList } from './opt-out-list.ts';
import type { Outbox } from './outbox.ts';
import type { Persons } from './persons.ts';
import type { Queue } from './queue.ts';
import type { Batches } from './turn.ts';

/** Why a run ends before everyone is settled. */
export interface Stop {
  reason: PauseReason;
  detail: string;
}

/** What a run is given. */
export interface RunParts {
  campaign: Campaign;
  /** What it sends. */
  type: MessageType;
  campaigns: CampaignStore;
  recipients: RecipientStore;
  /** The same, of Message 2 on whichever line. */
  everyone: RecipientStore;
  optOuts: OptOutList;
  /** Which message each person gets. */
  persons: Persons;
  owner: Owner;
  /** The campaign's lease; that of the line is the line's. */
  lease: HeldLease;
  line: Line;
  journal: Journal;
  clock: Clock;
  report: Report;
  processes: Processes;
  policy: () => Policy;
  /** Most sends of this run, or null. */
  limit: number | null;
  /** False: it only settles what is open, and there is nothing to wait with. */
  sending: boolean;
  /** Sends what Message 2 is due on the line, under its lease, and resolves once the line is free again; null in a run that does. Never rejects. */
  sendMessage2: ((run: Run) => Promise<void>) | null;
  /** Where another run has the line: called once nobody is ready to be sent to. Then this one sends no more, and that one continues. */
  onIdle: (() => void) | null;
}

/** How a run comes to its end; this file changes it. */
export interface Course {
  stop: Stop | null;
  /** What broke the run: a lost lease, checkpoint or database, or a bug. */
  broken: unknown;
  /** The database or the checkpoint was away when a signal stopped the run: the next run settles what was under way. */
  away: boolean;
  /** Aborted once the run may start nothing more. */
  over: AbortController;
  /** Aborted to abandon look-ups: a person waits. */
  hurry: AbortController;
  /** Aborted once it has ended: what outlives it is listened to no more. */
  ended: AbortController;
  /** All that is under way, calls and look-ups: the run ends only after it. */
  underWay: Set<Promise<void>>;
}

/** What is being looked up (doubt.ts). */
export interface LookUps {
  underWay: number;
  /** Recipients that this run's look-ups left in doubt: a report may settle them yet, or the operator's word. */
  left: LeftInDoubt[];
}

/** A recipient that was looked up and stays in doubt. */
export interface LeftInDoubt {
  message: Addressed;
  claim: Claim;
  reason: string;
  /** The provider answered, only not clearly enough, or cannot be asked; a later look-up would hardly tell more. */
  answered: boolean;
}

/** One run of one campaign: what it was given, and parts that each have one owner. */
export interface Run extends RunParts {
  queue: Queue;
  outbox: Outbox;
  batches: Batches;
  account: Account;
  lookUps: LookUps;
  course: Course;
}

/** The course of a run that has just begun. */
export function newCourse(): Course {
  return {
    stop: null,
    broken: null,
    away: false,
    over: new AbortController(),
    hurry: new AbortController(),
    ended: new AbortController(),
    underWay: new Set(),
  };
}

/** Asks the run to send nothing more; the first reason counts. */
export function stopRun(run: Run, reason: PauseReason, detail: string): void {
  run.course.stop ??= { reason, detail };
  if (reason === 'signal') run.course.hurry.abort();
  run.course.over.abort();
  run.line.bell.ring();
}

/**
 * Ends the run for something unasked; the first cause counts. A store that is away when a signal has stopped the run is none: the person who
 * pressed Ctrl-C does not wait for it, and the next run continues with what is kept.
 */
export function breakRun(run: Run, cause: unknown): void {
  const isAway = cause instanceof DatabaseUnreachable || cause instanceof CheckpointUnreachable;
  if (isAway && run.course.stop?.reason === 'signal' && run.course.broken === null) run.course.away = true;
  else run.course.broken ??= run.batches.starts > 0 ? notBefore(cause) : cause;
  run.course.hurry.abort();
  run.course.over.abort();
  run.line.bell.ring();
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
export function beside(run: Run, work: Promise<void>): void {
  const { underWay } = run.course;
  const watched: Promise<void> = work
    .catch((cause) => breakRun(run, cause))
    .finally(() => {
      underWay.delete(watched);
      run.line.bell.ring();
    });
  underWay.add(watched);
}
