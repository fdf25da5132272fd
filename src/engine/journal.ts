import type { PacingState } from '../core/pacing.ts';
import type { EpochMs, Milliseconds } from '../core/units.ts';
import { type Deferred, deferred } from '../deferred.ts';
import { CheckpointUnreachable } from '../errors.ts';
import type { Change, Checkpoint, Clock } from '../ports.ts';

/** How long an unreachable checkpoint is tried again: less than LOCK_LIFE, after which others may have taken over. */
export const CHECKPOINT_PATIENCE: Milliseconds = 10_000;
/** Between two tries. */
const TRY_AGAIN_AFTER: Milliseconds = 500;

interface Batch {
  changes: Change[];
  pacing: PacingState | null;
  durable: Deferred;
}

/** What the journal tells the run. */
export interface JournalListener {
  pauseRequested(): void;
  lineWanted(): void;
  unreachable(since: EpochMs, error: CheckpointUnreachable): void;
  reachable(): void;
}

/**
 * Group commit: one commit of the checkpoint is in flight at a time, with everything of its turn of the event loop, and whatever is written
 * meanwhile rides the next one, in the order it was written. So a claim that follows an outcome is never durable without it, and the number of open claims never exceeds the calls in
 * flight. While the checkpoint cannot be reached the same commit is repeated; once patience is over, or the lock is lost, every write is rejected.
 */
export class Journal {
  readonly #checkpoint: Checkpoint;
  readonly #clock: Clock;
  readonly #listener: JournalListener;
  #next: Batch | null = null;
  #current: Batch | null = null;
  #broken: unknown = null;
  /** Written after it broke. */
  readonly #late: Change[] = [];
  /** When the last successful commit was issued: the lock is ours for LOCK_LIFE from then. */
  #lastIssued: EpochMs;

  constructor(checkpoint: Checkpoint, clock: Clock, listener: JournalListener) {
    this.#checkpoint = checkpoint;
    this.#clock = clock;
    this.#listener = listener;
    this.#lastIssued = clock.now();
  }

  get lastIssued(): EpochMs {
    return this.#lastIssued;
  }

  /** Resolves once the change is durable. `pacing` replaces the line's pacing state with the same commit. */
  write(change: Change, pacing: PacingState | null = null): Promise<void> {
    if (this.#broken !== null) {
      this.#late.push(change);
      return rejected(this.#broken);
    }
    const batch = this.#open();
    batch.changes.push(change);
    if (pacing !== null) batch.pacing = pacing;
    return batch.durable.promise;
  }

  /** Resolves once the line's pacing state is durable. */
  keepPace(pacing: PacingState): Promise<void> {
    if (this.#broken !== null) return rejected(this.#broken);
    const batch = this.#open();
    batch.pacing = pacing;
    return batch.durable.promise;
  }

  /** Prolongs the lock and learns of pause requests, unless a commit is doing so anyway. */
  heartbeat(): Promise<void> {
    if (this.#broken !== null) return rejected(this.#broken);
    return (this.#current ?? this.#open()).durable.promise;
  }

  /** Resolves when everything written so far is durable. */
  async flushed(): Promise<void> {
    while (this.#current !== null || this.#next !== null) await (this.#next ?? this.#current)?.durable.promise;
    if (this.#broken !== null) throw this.#broken;
  }

  /** After a failure: the changes that are not known to be durable. */
  undelivered(): Change[] {
    return [...(this.#current?.changes ?? []), ...(this.#next?.changes ?? []), ...this.#late];
  }

  #open(): Batch {
    if (this.#next === null) {
      this.#next = { changes: [], pacing: null, durable: deferred() };
      if (this.#current === null) void this.#clock.turn().then(() => this.#run());
    }
    return this.#next;
  }

  async #run(): Promise<void> {
    while (this.#current === null && this.#next !== null) {
      const batch: Batch = this.#next;
      this.#current = batch;
      this.#next = null;
      try {
        await this.#commit(batch);
      } catch (error) {
        this.#broken = error;
        batch.durable.reject(error);
        (this.#next as Batch | null)?.durable.reject(error);
        return;
      }
      this.#current = null;
      batch.durable.resolve();
    }
  }

  async #commit(batch: Batch): Promise<void> {
    let failingSince: EpochMs | null = null;
    for (;;) {
      const issued = this.#clock.now();
      try {
        const asked = await this.#checkpoint.commit(batch.changes, batch.pacing);
        this.#lastIssued = issued;
        if (failingSince !== null) this.#listener.reachable();
        if (asked.pauseRequested) this.#listener.pauseRequested();
        if (asked.lineWanted) this.#listener.lineWanted();
        return;
      } catch (error) {
        if (!(error instanceof CheckpointUnreachable)) throw error;
        // One more try whatever the clock says: after a suspension the first failure is only a timer that ran out, and the lock may be lost.
        const isFirst = failingSince === null;
        failingSince ??= issued;
        if (isFirst) this.#listener.unreachable(issued, error);
        else if (this.#clock.now() - failingSince >= CHECKPOINT_PATIENCE) throw error;
        await this.#clock.sleep(this.#clock.now() + TRY_AGAIN_AFTER);
      }
    }
  }
}

/** A rejection that whoever does not wait for it need not handle. */
function rejected(error: unknown): Promise<void> {
  const { promise, reject } = deferred();
  reject(error);
  return promise;
}
