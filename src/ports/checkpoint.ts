import type { MessageType } from '../core/campaign.ts';
import type { PacingState } from '../core/pacing.ts';
import { DAY, type EpochMs, type Milliseconds, SECOND } from '../core/units.ts';
import type { Settled } from './campaign-store.ts';
import type { CountersMoved } from './inbox.ts';

// The checkpoint: what is kept outside the process so that a run can be resumed; and who runs.

/**
 * A lock without a heartbeat for this long is free (spec section 3, rule 14). Whatever a run does by virtue of its lock stays below it: its
 * heartbeat, its patience with a checkpoint that does not answer, and the time that a claim is good for.
 */
export const LOCK_LIFE: Milliseconds = 15 * SECOND;
/** How long a finished campaign's checkpoint is kept (spec section 3, rule 13), and in Redis the pacing of an idle line. */
export const KEPT_FOR: Milliseconds = 7 * DAY;
/** How long a wish for a line is good: the run that has it hears of it with its next heartbeat. */
export const WISH_LIFE: Milliseconds = 5 * SECOND;

/** Who holds a lock. `machine`, `boot` and `namespace` tell whether `pid` can be looked up from here. */
export interface Owner {
  /** Unique to this run. */
  token: string;
  host: string;
  machine: string;
  boot: string;
  namespace: string;
  pid: number;
  /** When the process started, by the clock of that time. */
  startedAt: EpochMs;
  /** The same as the kernel counts it from boot, which no step of the clock changes; empty where it does not say. */
  birth: string;
}

/** The durable note "I am about to send this reference". */
export interface Claim {
  message: number;
  reference: string;
  phone: string;
  line: string;
  /** From 1. */
  attempt: number;
  at: EpochMs;
  owner: Owner;
}

/** A recipient whose last attempt's outcome is unknown: the claim, and why. */
export interface Doubt extends Claim {
  reason: string;
}

/** A recipient that surely was not taken and is tried again. */
export interface Retry {
  message: number;
  /** Attempts used up so far. */
  attempts: number;
  dueAt: EpochMs;
}

/**
 * One durable step. Each names its message; a recipient is in at most one of claims, outcomes, doubts and retries, so applying a change
 * takes it out of the others. Applying a change twice is applying it once: counters move only with the recipient.
 */
export type Change =
  | { type: 'claim'; claim: Claim }
  /** The outcome that settles a claim or a doubt; counts into `sent` or `failed`, sets `last_message`. Kept until `stored`. */
  | { type: 'settle'; result: Settled }
  | { type: 'doubt'; doubt: Doubt }
  | { type: 'retry'; retry: Retry }
  /** Back to plain pending: neither claimed nor in doubt nor waiting. */
  | { type: 'forget'; message: number }
  /** The database holds these outcomes now; the checkpoint need not. */
  | { type: 'stored'; messages: number[] };

/** Settings given by flag when the campaign was run; they outrank the environment on every resume. */
export type CampaignSettings = Partial<Record<'delay' | 'batchSize' | 'batchPause' | 'concurrency', number>>;

/** What belongs to the campaign as a whole. */
export interface CheckpointHeader {
  /** Tells this campaign from one with the same id in another or a recreated database. */
  identity: string;
  /** The token of the run that wrote it (see LastRuns). Missing from one that an older wsend wrote. */
  run?: string;
  /** True when it is sent in the sandbox. A campaign never changes sides. */
  sandbox: boolean;
  settings: CampaignSettings;
  /** Why it is not running although it is unfinished; null while it runs. */
  paused: { reason: string; detail: string; at: EpochMs } | null;
  /** True once the campaign is completed or failed; from then on the checkpoint may expire (KEPT_FOR). */
  finished: boolean;
}

/** Everything a run finds when it takes a campaign up. */
export interface Recovered {
  /** Null when there is no checkpoint: a first run, or the checkpoint was lost. */
  header: CheckpointHeader | null;
  claims: Claim[];
  outcomes: Settled[];
  doubts: Doubt[];
  retries: Retry[];
  pacing: PacingState;
  /** How many it has counted as settled, by all runs; the database has as many, unless it went back in time. Null without a checkpoint. */
  counted: { sent: number; failed: number } | null;
  /** Set when the store was restarted or replaced since this campaign was last taken up: what it confirmed in its last seconds may be gone. */
  mayHaveForgotten?: true;
}

/** What others ask of the run that holds a checkpoint. */
export interface Asked {
  pauseRequested: boolean;
  /** Somebody has a message that goes before ours on this line. */
  lineWanted: boolean;
}

/** A campaign's checkpoint, held under its lock and its line's. Every call rejects with LockLost once either lock is no longer ours. */
export interface Checkpoint {
  /** Reads everything. */
  recover(): Promise<Recovered>;
  /**
   * Makes changes durable, all or none, in order, and prolongs both locks to LOCK_LIFE from now; with no changes it is the heartbeat.
   * `pacing` replaces the line's. Rejects with CheckpointUnreachable when it is not known to be durable; the same call may be repeated.
   */
  commit(changes: Change[], pacing: PacingState | null): Promise<Asked>;
  /**
   * Gives the line's lock away and keeps the campaign's: from now on commits leave the line and its pace alone. The same call may be repeated;
   * where it rejects with CheckpointUnreachable, `takeLine` tells.
   */
  lendLine(): Promise<void>;
  /** Takes the line's lock back, with its pace as it is now, unless another has it or wants it. `replacing` as in `acquire`. */
  takeLine(replacing: string[]): Promise<{ pacing: PacingState } | { heldBy: Owner | null }>;
  /** Replaces the header, and sets the counters to what the database says (a run's first step; nothing may be claimed or unstored then). */
  begin(header: CheckpointHeader, counters: { sent: number; failed: number }): Promise<void>;
  /** Replaces the header (null leaves it as it is), ends a pause request, gives both locks back. A finished checkpoint expires after KEPT_FOR. */
  release(header: CheckpointHeader | null): Promise<void>;
}

/** What `status` reads without holding anything. */
export interface CheckpointView {
  header: CheckpointHeader | null;
  owner: Owner | null;
  sent: number;
  failed: number;
  lastMessage: number | null;
  inDoubt: number;
  claimed: number;
  retrying: number;
  /** Outcomes that the database does not have yet. */
  unstored: { sent: number; failed: number };
}

/** What there is to see of a campaign that has no checkpoint. */
export const NO_CHECKPOINT: CheckpointView = {
  header: null,
  owner: null,
  sent: 0,
  failed: 0,
  lastMessage: null,
  inDoubt: 0,
  claimed: 0,
  retrying: 0,
  unstored: { sent: 0, failed: 0 },
};

/** The answer to a wish for both locks: the checkpoint, or who holds which. */
export type Acquired = { checkpoint: Checkpoint } | { heldBy: Owner; what: 'campaign' | 'line'; campaign: number; type: MessageType };

/** The checkpoints of one type of message: those of Message 1 and of Message 2 of a campaign are apart, their line is the same. */
export interface CheckpointStore {
  /**
   * Takes the campaign's and the line's lock, both or none. A lock without a heartbeat for LOCK_LIFE is free. `replacing` names tokens of owners
   * that are known to be dead: their locks are taken at once.
   */
  acquire(campaign: number, line: string, owner: Owner, replacing: string[]): Promise<Acquired>;
  view(campaign: number): Promise<CheckpointView>;
  /** Asks whoever holds the line to lend it. The wish is good for WISH_LIFE, and is granted by `acquire` with the same owner. */
  wantLine(line: string, owner: Owner): Promise<void>;
  /**
   * Moves the counters that other programs read, by what the listener has learned; nothing where the campaign has no checkpoint. One call at a time.
   * Killed before it, they are behind the database until the next run begins.
   */
  moveCounters(by: CountersMoved): Promise<void>;
  /**
   * Changes the header of a checkpoint that no run holds (`replacing` as in `acquire`: their campaign's lock is taken away); a finished one
   * expires after KEPT_FOR. False when a run holds it or there is none.
   */
  revise(campaign: number, change: (header: CheckpointHeader) => CheckpointHeader, replacing: string[]): Promise<boolean>;
  /** Asks the run that holds the campaign to pause; false when none does. */
  requestPause(campaign: number): Promise<boolean>;
  /** Answers, or rejects with CheckpointUnreachable. `warnings` name settings that endanger the promise (eviction, no append-only file). */
  check(): Promise<{ detail: string; warnings: string[] }>;
  close(): Promise<void>;
}

/** Whether a run is over. `over` needs proof (its process is dead, or its machine has rebooted); `running` includes suspended. */
export interface Processes {
  self(): Owner;
  fate(owner: Owner): 'over' | 'running' | 'unknowable';
}
