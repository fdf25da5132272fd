import { BEFORE_ALL, type Recipient } from '../core/campaign.ts';
import { DAY, type EpochMs } from '../core/units.ts';
import type { RecipientStore } from '../ports/campaign-store.ts';

/** A recipient whose turn comes, and the attempts it has used up. */
export interface Queued {
  recipient: Recipient;
  attempts: number;
  /** It had its turn before, in this run or an earlier one. */
  again?: boolean;
}

interface Waiting extends Queued {
  dueAt: EpochMs;
  /** When it was put back: the wait is counted from there. */
  since: EpochMs;
}

interface QueueOptions {
  /** Rows read at a time. */
  pageSize: () => number;
  /** Recipients left out of the pages: they are claimed, in doubt or waiting when the queue is made. */
  leftOut: Iterable<number>;
  /** Message ids, ascending: no other is taken. Undefined: every pending one. */
  only?: readonly number[] | undefined;
  /** Recipients that another run sends to. */
  others?: ReadonlySet<number> | undefined;
}

/** Waiting retries above which no new recipient is taken: memory stays flat when everything fails. */
const RETRIES_LIMIT = 1_000;

/**
 * Who is next: retries whose time has come, then the pending recipients of the database by id, read page by page and never loaded whole.
 */
export class Queue {
  readonly #campaign: number;
  readonly #recipients: RecipientStore;
  readonly #pageSize: () => number;
  readonly #leftOut: Set<number>;
  readonly #only: readonly number[] | undefined;
  readonly #others: ReadonlySet<number> | undefined;
  #onlyRead = 0;
  #retries: Waiting[] = [];
  #latest: EpochMs = Number.NEGATIVE_INFINITY;
  #page: Recipient[] = [];
  #position = 0;
  #after = BEFORE_ALL;
  #exhausted = false;
  #loading: Promise<void> | null = null;

  constructor(campaign: number, recipients: RecipientStore, { pageSize, leftOut, only, others }: QueueOptions) {
    this.#campaign = campaign;
    this.#recipients = recipients;
    this.#pageSize = pageSize;
    this.#leftOut = new Set(leftOut);
    this.#only = only;
    this.#others = others;
  }

  /** Puts a recipient back, to be tried from `dueAt` on, in a day at the latest; a recipient that this run does not own is left for the next run. */
  retry(queued: Queued, dueAt: EpochMs, now: EpochMs): void {
    const { message } = queued.recipient;
    if (this.#others?.has(message) || (this.#only !== undefined && !includes(this.#only, message))) return;
    this.#latest = Math.max(this.#latest, now);
    this.#wait({ ...queued, again: true, dueAt: Math.min(dueAt, now + DAY), since: now });
  }

  /** `ready`: take() has one. A moment: the first retry is due then. `unread`: the next page has to be read. `empty`: no recipient is left here. */
  peek(now: EpochMs): 'ready' | 'unread' | 'empty' | { at: EpochMs } {
    if (now < this.#latest) this.#waitAnew(now);
    const first = this.#retries[0];
    if (first !== undefined && first.dueAt <= now) return 'ready';
    if (this.#retries.length < RETRIES_LIMIT) {
      if (this.#position < this.#page.length) return 'ready';
      if (!this.#exhausted) return 'unread';
    }
    return first === undefined ? 'empty' : { at: first.dueAt };
  }

  /** The next recipient; only after peek() said `ready`. */
  take(now: EpochMs): Queued {
    const first = this.#retries[0];
    if (first !== undefined && first.dueAt <= now) {
      this.#retries.shift();
      return first;
    }
    const recipient = this.#page[this.#position++];
    if (recipient === undefined) throw new Error('nobody is ready');
    return { recipient, attempts: recipient.attempts };
  }

  /** Reads once more after the end: true when recipients were added meanwhile. */
  async more(): Promise<boolean> {
    await this.read();
    return this.#page.length > 0;
  }

  /** Reads the next page. */
  read(): Promise<void> {
    this.#loading ??= this.#read().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  #wait(waiting: Waiting): void {
    const at = this.#retries.findIndex((other) => other.dueAt > waiting.dueAt);
    this.#retries.splice(at === -1 ? this.#retries.length : at, 0, waiting);
  }

  /** The clock was set back: no wait becomes longer by it than it was at first. */
  #waitAnew(now: EpochMs): void {
    this.#latest = now;
    for (const waiting of this.#retries.splice(0)) {
      const { dueAt, since } = waiting;
      this.#wait(since <= now ? waiting : { ...waiting, dueAt: now + (dueAt - since), since: now });
    }
  }

  async #read(): Promise<void> {
    const size = this.#pageSize();
    const rows = await (this.#only === undefined ? this.#readNext(size) : this.#readOnly(this.#only, size));
    this.#page = rows.filter((row) => !this.#leftOut.has(row.message) && row.setAside !== true);
    this.#position = 0;
  }

  async #readNext(size: number): Promise<Recipient[]> {
    const rows = await this.#recipients.pending(this.#campaign, this.#after, size);
    this.#after = rows.at(-1)?.message ?? this.#after;
    this.#exhausted = rows.length < size;
    return rows;
  }

  async #readOnly(only: readonly number[], size: number): Promise<Recipient[]> {
    const rows = await this.#recipients.stillPending(this.#campaign, only.slice(this.#onlyRead, this.#onlyRead + size));
    this.#onlyRead = Math.min(only.length, this.#onlyRead + size);
    this.#exhausted = this.#onlyRead === only.length;
    return rows;
  }
}

/** True when a sorted list has it. A set of a million numbers would take five times the memory. */
function includes(sorted: readonly number[], wanted: number): boolean {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === wanted;
}
