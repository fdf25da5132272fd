import type { Campaign, MessageType } from '../core/campaign.ts';
import type { Claim, Owner } from '../core/checkpoint.ts';
import type { CircuitBreaker } from '../core/circuit-breaker.ts';
import type { Attempted, FailureGroup, PauseReason } from '../core/event.ts';
import type { Histogram } from '../core/latency.ts';
import type { ListKnowledge } from '../core/list-knowledge.ts';
import type { Pace, PacingState } from '../core/pacing.ts';
import type { Policy } from '../core/policy.ts';
import type { Progress, Standing } from '../core/progress.ts';
import type { EpochMs, Milliseconds } from '../core/units.ts';
import type { CampaignStore, RecipientStore } from '../ports/campaign-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { Report } from '../ports/event-sink.ts';
import type { Processes } from '../ports/leases.ts';
import type { OutboundMessage, Provider } from '../ports/provider.ts';
import type { HeldLease } from './held-lease.ts';
import type { Journal } from './journal.ts';
import type { Means } from './look-up.ts';
import type { OptOutList } from './opt-out-list.ts';
import type { Outbox } from './outbox.ts';
import type { Persons } from './persons.ts';
import type { Queue, Queued } from './queue.ts';
import type { WakeSignal } from './wake-signal.ts';

// What a run is made of. Shapes only, so that every part may name the whole.

/** One line while its lease is ours; all runs on it share it, one sending at a time. */
export interface Line {
  name: string;
  lease: HeldLease;
  provider: Provider;
  /** The provider's look-up, asked at its pace, for all who ask. */
  lookUp: Means['lookUp'];
  /** What is known of the list that look-ups are answered from. */
  list: ListKnowledge;
  pacing: PacingState;
  /** Batches begun on it under its lease, by whichever run of it. */
  batches: number;
  /** Calls in flight, and claims for them. */
  calls: number;
  trouble: LineTrouble | null;
  /** Sends started on it under its lease, by whichever run of it. */
  starts: number;
  /** Answers in a row that should have confirmed a message and did not. */
  unexpectedInARow: number;
  /** The line has to be asked how it is before the next send: at the beginning, after a 503, and while it says that it is not ready or its queue is full. */
  askFirst: boolean;
  /** When it was last asked how it is, how many sends had been started by then, and whether the answer is still to come. */
  asked: { at: EpochMs; starts: number; underWay: boolean };
  /** What it told of its queue: how many messages wait there, and of the sends started on it, how many it certainly counted. Null where it tells nothing. */
  queue: { told: number; counted: number } | null;
  /** A rest was told and is not over. */
  resting: boolean;
  /** A listener has made a Message 2 that is due on it. */
  message2Due: boolean;
  /** Wakes the loop that sends on it: something that it decides by has changed. */
  bell: WakeSignal;
}

/** Why the line rests, and since when it has been resting without a single answer that it works. */
export interface LineTrouble {
  reason: 'throttled' | 'offline' | 'queue_paused' | 'queue_full' | 'unreachable';
  detail: string;
  since: EpochMs;
  /** Failures in a row to reach the provider at all. */
  unreachableInARow: number;
}

/** The batches of a run; this file changes it. */
export interface Batches {
  /** The policy of this batch, as it is configured. */
  policy: Policy;
  /** The pace of this batch: the configured one with the adaptive delay. */
  pace: Pace;
  /** Batches begun by this run. */
  begun: number;
  /** The batch of the line that this run has begun, too: a Message 2 may have opened the next one. */
  ofLine: number;
  /** Sends started by this run. */
  starts: number;
}

/** How far a run is, and what its outcomes have taught; this file changes it, and recount.ts. */
export interface Account {
  progress: Progress;
  /** Pending recipients that this run leaves to another. */
  othersPending: number;
  breaker: CircuitBreaker;
  failures: Map<string, FailureGroup>;
  /** Of the failed, those who failed for the sake of our line: counted when the run began, and since. */
  failedOfLine: number;
  latency: Histogram;
  /** When it was last looked at what failed after it was accepted, and how long not to look again. */
  recounted: { at: EpochMs; pause: Milliseconds };
  startedAt: EpochMs;
  /** When the first and the last call began, and how many did; null before the first. */
  calls: { first: EpochMs; last: EpochMs; count: number } | null;
}

/** Why a row cannot be sent as the database holds it. */
export interface Problem {
  code: string;
  reason: string;
}

/** One recipient with everything the path of its message needs. */
export interface PreparedMessage {
  queued: Queued;
  problem: Problem | null;
  outbound: OutboundMessage;
  claim: Omit<Claim, 'at'>;
  attempted: Attempted;
  /** Where the recipient stood before this attempt. */
  standing: Extract<Standing, 'pending' | 'inDoubt' | 'skipped'>;
}

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
  stopping: AbortController;
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
  message: PreparedMessage;
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
