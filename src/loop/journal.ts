import { applyChanges, CHECKPOINT_KEPT_FOR, type Change, type Checkpoint, type Owner } from '../core/checkpoint.ts';
import type { PacingState } from '../core/pacing.ts';
import type { EpochMs, Milliseconds } from '../core/units.ts';
import { type Deferred, deferred } from '../deferred.ts';
import { CheckpointUnreachable } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Entries, Write } from '../ports/entries.ts';

/** How long an unreachable checkpoint is tried again: as long as a database that is away is waited for. Meanwhile nothing is sent. */
export const CHECKPOINT_PATIENCE: Milliseconds = 60_000;
/** Between two tries. */
const TRY_AGAIN_AFTER: Milliseconds = 500;

/** What a journal writes, and under which names and epochs. */
export interface JournalParts {
  entries: Entries;
  clock: Clock;
  owner: Owner;
  /** As it was found; from now on the journal alone changes it. */
  checkpoint: Checkpoint;
  campaign: { name: string; epoch: number };
  line: { name: string; lease: { epoch: number }; pacing: PacingState };
}

/** What the journal tells the run. */
export interface JournalListener {
  unreachable(since: EpochMs, error: CheckpointUnreachable): void;
  reachable(): void;
}

interface Step {
  changes: Change[];
  durable: Deferred;
}

/**
 * Group commit: one step is in flight at a time, with everything of its turn of the event loop and the line's pace, and whatever is written
 * meanwhile rides the next one, in the order it was written. So a claim that follows an outcome is never durable without it, and the number of
 * open claims never exceeds the calls in flight. While the checkpoint cannot be reached the same step is repeated; once patience is over, or
 * another run has opened the checkpoint, every write is rejected.
 */
export class Journal {
  readonly checkpoint: Checkpoint;
  listener: JournalListener = { unreachable: () => undefined, reachable: () => undefined };
  readonly #parts: JournalParts;
  #step = 0;
  #next: Step | null = null;
  #current: Step | null = null;
  #broken: unknown = null;
  /** Written after it broke. */
  readonly #late: Change[] = [];
  #pacing: PacingState | null = null;
  #patience = CHECKPOINT_PATIENCE;
  #giveUp: (error: unknown) => void = () => undefined;

  constructor(parts: JournalParts) {
    this.#parts = parts;
    this.checkpoint = parts.checkpoint;
  }

  /** Resolves once the changes are durable, all or none, and with them the line's pace as it is then. */
  write(...changes: Change[]): Promise<void> {
    if (this.#broken !== null) {
      this.#late.push(...changes);
      return rejected(this.#broken);
    }
    if (this.#next === null) {
      this.#next = { changes: [], durable: deferred() };
      if (this.#current === null) void this.#parts.clock.turn().then(() => this.#run());
    }
    this.#next.changes.push(...changes);
    return this.#next.durable.promise;
  }

  /** Resolves when everything written so far is durable. */
  async flushed(): Promise<void> {
    while (this.#current !== null || this.#next !== null) await (this.#next ?? this.#current)?.durable.promise;
    if (this.#broken !== null) throw this.#broken;
  }

  /** The number of the step that is in flight, or null. */
  get inFlight(): number | null {
    return this.#current === null ? null : this.#step;
  }

  /** The step in flight is not waited for any more: it is not known whether it is durable. */
  giveUp(error: CheckpointUnreachable): void {
    this.#giveUp(error);
  }

  /** A run that broke has waited enough: what is refused from now on is not tried again. */
  waitNoMore(): void {
    this.#patience = 0;
  }

  /** After a failure: the changes that are not known to be durable. */
  undelivered(): Change[] {
    return [...(this.#current?.changes ?? []), ...(this.#next?.changes ?? []), ...this.#late];
  }

  async #run(): Promise<void> {
    while (this.#current === null && this.#next !== null) {
      const step: Step = this.#next;
      this.#current = step;
      this.#next = null;
      try {
        const committed = deferred();
        this.#giveUp = committed.reject;
        this.#commit(this.#writesOf(step.changes)).then(committed.resolve, committed.reject);
        await committed.promise;
      } catch (error) {
        this.#broken = error;
        step.durable.reject(error);
        (this.#next as Step | null)?.durable.reject(error);
        return;
      }
      this.#current = null;
      step.durable.resolve();
    }
  }

  #writesOf(changes: Change[]): [Write, ...Write[]] {
    const { checkpoint, campaign, line, owner } = this.#parts;
    const fields = applyChanges(checkpoint, changes, { epoch: campaign.epoch, owner });
    // Opening keeps a name for good: the first step says how long it is kept, too.
    const header = this.#step === 0 ? checkpoint.header : changes.findLast((change) => change.type === 'header')?.header;
    const keptFor = header == null ? {} : { keptFor: header.finished ? CHECKPOINT_KEPT_FOR : null };
    const writes: [Write, ...Write[]] = [{ name: campaign.name, epoch: campaign.epoch, fields, ...keptFor }];
    const pace = line.pacing === this.#pacing ? {} : { pacing: JSON.stringify(line.pacing), known: String(line.lease.epoch) };
    this.#pacing = line.pacing;
    writes.push({ name: line.name, epoch: line.lease.epoch, fields: pace });
    return writes;
  }

  async #commit(writes: [Write, ...Write[]]): Promise<void> {
    const { entries, clock } = this.#parts;
    const step = ++this.#step;
    let failingSince: EpochMs | null = null;
    while (this.#broken === null) {
      const issued = clock.now();
      try {
        await entries.write(step, writes);
        if (failingSince !== null) this.listener.reachable();
        return;
      } catch (error) {
        if (this.#broken !== null) return;
        if (!(error instanceof CheckpointUnreachable) || this.#patience === 0) throw error;
        // One more try whatever the clock says: after a suspension the first failure is only a timer that ran out.
        const isFirst = failingSince === null;
        failingSince ??= issued;
        if (isFirst) this.listener.unreachable(issued, error);
        else if (clock.now() - failingSince >= this.#patience) throw error;
        await clock.sleep(clock.now() + TRY_AGAIN_AFTER);
      }
    }
  }
}

/** A rejection that need not be handled by those who do not wait for it. */
function rejected(error: unknown): Promise<void> {
  const { promise, reject } = deferred();
  reject(error);
  return promise;
}
