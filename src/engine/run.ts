import type { Campaign, MessageType } from '../core/campaign.ts';
import { type CircuitBreaker, CLOSED } from '../core/circuit-breaker.ts';
import type { FailureGroup, PauseReason } from '../core/event.ts';
import { type Histogram, newHistogram } from '../core/latency.ts';
import { type Pace, type PacingState, UNPACED } from '../core/pacing.ts';
import type { Policy } from '../core/policy.ts';
import type { Progress } from '../core/progress.ts';
import type { EpochMs, Milliseconds } from '../core/units.ts';
import { DatabaseUnreachable } from '../errors.ts';
import type { CampaignStore, Checkpoint, Claim, Clock, Owner, Processes, Provider, RecipientStore, Report } from '../ports.ts';
import type { Bell } from './bell.ts';
import type { Addressed } from './envelope.ts';
import type { Journal } from './journal.ts';
import type { OptOutList } from './opt-out-list.ts';
import type { Outbox } from './outbox.ts';
import type { Queue } from './queue.ts';

/** Why a run ends before everyone is settled. */
export interface Stop {
  reason: PauseReason;
  detail: string;
}

/** Why the line rests, and since when it has been resting without a single answer that it works. */
export interface LineTrouble {
  reason: 'throttled' | 'offline' | 'unreachable';
  detail: string;
  since: EpochMs;
  /** Failures in a row to reach the provider at all. */
  unreachableInARow: number;
}

/** A recipient that was looked up and stays in doubt. */
export interface LeftInDoubt {
  message: Addressed;
  claim: Claim;
  reason: string;
  /** The provider answered, only not clearly enough; a later look-up would hardly tell more. */
  answered: boolean;
}

/** What a run is given. */
export interface RunParts {
  campaign: Campaign;
  owner: Owner;
  campaigns: CampaignStore;
  recipients: RecipientStore;
  provider: Provider;
  clock: Clock;
  report: Report;
  processes: Processes;
  policy: () => Policy;
  /** Most sends of this run, or null. */
  limit: number | null;
  /** What it sends. */
  type: MessageType;
  optOuts: OptOutList;
}

/** One run of one campaign: its parts, and what it knows. Only the loop in send.ts and what it calls change it. */
export interface Run extends RunParts {
  /** False: it only settles what is open, and there is nothing to wait with. */
  sending: boolean;
  checkpoint: Checkpoint;
  journal: Journal;
  outbox: Outbox;
  queue: Queue;
  current: Policy;
  /** The pace of this batch: the configured one with the adaptive delay. */
  pace: Pace;
  pacing: PacingState;
  progress: Progress;
  breaker: CircuitBreaker;
  /** When it was last looked at what failed after it was accepted, and how long not to look again. */
  recounted: { at: EpochMs; pause: Milliseconds };
  trouble: LineTrouble | null;
  /** The line has to be asked how it is before the next send: at the beginning, and after a 503. */
  askFirst: boolean;
  /** A rest was told and is not over. */
  resting: boolean;
  /** Batches begun by this run. */
  batch: number;
  /** Sends started by this run. */
  starts: number;
  /** Calls in flight, and claims for them. */
  calls: number;
  /** Sends that are claimed and whose request is not written yet. */
  unwritten: number;
  /** Recipients whose outcome is being looked up. */
  lookUps: number;
  /** Pending recipients that this run leaves to another. */
  othersPending: number;
  /** Recipients that this run's look-ups left in doubt, to be settled by the operator's word; null when there is none. */
  leftInDoubt: LeftInDoubt[] | null;
  /** All that is under way, calls and look-ups: the run ends only after it. */
  underWay: Set<Promise<void>>;
  /** Aborted to abandon look-ups: a person waits. */
  hurry: AbortController;
  /** Somebody has a message that goes before ours on this line. */
  lineWanted: boolean;
  stop: Stop | null;
  /** It was away when a signal stopped the run: what the database does not have yet is in the checkpoint. */
  databaseAway: boolean;
  /** What broke the run: a lost lock, checkpoint or database, or a bug. */
  broken: unknown;
  bell: Bell;
  latency: Histogram;
  failures: Map<string, FailureGroup>;
  /** How long claims have taken to become durable lately, so that they can be made just in time. */
  claimLatency: Milliseconds;
  startedAt: EpochMs;
}

/** A run that has done nothing yet; recovery fills in what the checkpoint knows. */
export function newRun(
  parts: RunParts,
  engine: Pick<Run, 'sending' | 'checkpoint' | 'journal' | 'outbox' | 'queue' | 'bell' | 'progress'> & { pacing?: PacingState },
): Run {
  const current = parts.policy();
  return {
    ...parts,
    ...engine,
    current,
    pace: current.pace,
    pacing: engine.pacing ?? UNPACED,
    breaker: CLOSED,
    recounted: { at: 0, pause: 0 },
    trouble: null,
    askFirst: true,
    resting: false,
    batch: 0,
    starts: 0,
    calls: 0,
    unwritten: 0,
    lookUps: 0,
    othersPending: 0,
    leftInDoubt: null,
    underWay: new Set(),
    hurry: new AbortController(),
    lineWanted: false,
    stop: null,
    databaseAway: false,
    broken: null,
    latency: newHistogram(),
    failures: new Map(),
    claimLatency: 1,
    startedAt: parts.clock.now(),
  };
}

/** Asks the run to send nothing more; the first reason counts. */
export function stopRun(run: Run, reason: PauseReason, detail: string): void {
  run.stop ??= { reason, detail };
  if (reason === 'signal') run.hurry.abort();
  run.bell.ring();
}

/** Ends the run for something that nobody asked for; the first cause counts. */
export function breakRun(run: Run, cause: unknown): void {
  run.broken ??= cause;
  run.hurry.abort();
  run.bell.ring();
}

/**
 * A failure of the database breaks the run, unless a signal has stopped it: whoever pressed Ctrl-C does not wait for a database that is away,
 * and the next run writes what the checkpoint keeps.
 */
export function databaseFailed(run: Run, cause: unknown): void {
  if (run.stop?.reason === 'signal' && run.broken === null && cause instanceof DatabaseUnreachable) run.databaseAway = true;
  else breakRun(run, cause);
}

/** True while the run may start another send. */
export function maySend(run: Run): boolean {
  return run.stop === null && run.broken === null;
}

/** True while what was started may still be sent: a limit stops the starting of others, and nothing else. */
export function mayLeave(run: Run): boolean {
  return run.broken === null && (run.stop === null || run.stop.reason === 'limit');
}

/** Lets something go on beside the loop; a failure of it breaks the run. */
export function beside(run: Run, work: Promise<void>): void {
  const watched: Promise<void> = work
    .catch((cause) => breakRun(run, cause))
    .finally(() => {
      run.underWay.delete(watched);
      run.bell.ring();
    });
  run.underWay.add(watched);
}
