import type { EpochMs, Milliseconds } from '../core/units.ts';
import { deferred } from '../deferred.ts';
import { DatabaseUnreachable } from '../errors.ts';
import type { RecipientStore, Result } from '../ports/campaign-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { Journal } from './journal.ts';
import { WakeSignal } from './wake-signal.ts';

/** Outcomes reach the database at least this often: within one second of being durable, the write included. */
const WRITE_EVERY: Milliseconds = 500;
/** Flush as soon as this many are waiting: larger batches gain little, and SQLite holds everything else up meanwhile. */
const WRITE_AT = 500;
/** Unwritten outcomes above which nothing more is sent. With WRITE_LAG it bounds what a loss of the checkpoint can hide. */
export const UNWRITTEN_LIMIT = 2_000;
/** Age of the oldest unwritten outcome above which nothing more is sent. */
export const WRITE_LAG: Milliseconds = 5_000;
/** How long a database that does not answer is tried again before the run ends. */
export const DATABASE_PATIENCE: Milliseconds = 60_000;

/** What the outbox tells the run. */
export interface OutboxListener {
  unreachable(error: DatabaseUnreachable): void;
  reachable(): void;
  /** Some were written: who waits because there were too many may go on. */
  written(): void;
}

/**
 * Carries outcomes that are durable in the checkpoint into the database, many in one statement, and lets the checkpoint forget them
 * afterwards. Killed between the two, the next run writes them again, which changes nothing.
 */
export class Outbox {
  readonly #campaign: number;
  readonly #recipients: RecipientStore;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #listener: OutboxListener;
  readonly #wake = new WakeSignal();
  #unwritten = new Map<number, Result>();
  #oldest: EpochMs | null = null;
  #failingSince: EpochMs | null = null;
  #closing = false;
  #abandoned = false;
  /** Resolves when the write or count under way is done: one write or one count at a time. */
  #turn: Promise<void> = Promise.resolve();
  #patience = DATABASE_PATIENCE;

  constructor(campaign: number, recipients: RecipientStore, journal: Journal, clock: Clock, listener: OutboxListener) {
    this.#campaign = campaign;
    this.#recipients = recipients;
    this.#journal = journal;
    this.#clock = clock;
    this.#listener = listener;
  }

  add(result: Result): void {
    this.#oldest ??= this.#clock.now();
    this.#unwritten.set(result.message, result);
    if (this.#isFull() && this.#failingSince === null) this.#wake.wake();
  }

  /** Outcomes that the database does not have. */
  unwritten(): { unstoredSent: number; unstoredFailed: number } {
    const of = (kind: Result['kind']) => [...this.#unwritten.values()].filter((result) => result.kind === kind).length;
    return { unstoredSent: of('sent'), unstoredFailed: of('failed') };
  }

  /** True while so much is unwritten that sending has to wait for the database. */
  congested(now: EpochMs): boolean {
    return this.#unwritten.size >= UNWRITTEN_LIMIT || (this.#oldest !== null && now - this.#oldest >= WRITE_LAG);
  }

  /** Writes until closed and empty. Rejects with DatabaseUnreachable once patience is over; the checkpoint still holds what is unwritten. */
  async run(): Promise<void> {
    while (!this.#abandoned) {
      if (this.#unwritten.size > 0) await this.whileNothingIsWritten(() => this.#write());
      else if (this.#closing) return;
      const goesOn = (this.#closing || this.#isFull()) && this.#failingSince === null;
      if (!goesOn) await this.#wake.wait(this.#clock, this.#clock.now() + WRITE_EVERY);
    }
  }

  /** No more outcomes will come: `run` ends when everything is written. A run that broke has no time to wait for a database that is away. */
  close({ broken }: { broken: boolean }): void {
    this.#closing = true;
    if (broken) this.#patience = 0;
    this.#wake.wake();
  }

  /** Nothing more is written: a person who stopped the run does not wait for a database that is away. The checkpoint still holds what is unwritten. */
  abandon(): void {
    this.#abandoned = true;
    this.#wake.wake();
  }

  /** Does something that must see the database as it was when nothing was half written. */
  async whileNothingIsWritten<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#turn;
    const { promise, resolve } = deferred();
    this.#turn = promise;
    await before;
    try {
      return await work();
    } finally {
      resolve();
    }
  }

  #isFull(): boolean {
    return this.#unwritten.size >= WRITE_AT;
  }

  async #write(): Promise<void> {
    const results = this.#unwritten;
    const now = this.#clock.now();
    this.#unwritten = new Map();
    try {
      await this.#recipients.record(this.#campaign, [...results.values()]);
    } catch (error) {
      this.#unwritten = new Map([...results, ...this.#unwritten]);
      if (this.#abandoned) return;
      if (!(error instanceof DatabaseUnreachable)) throw error;
      if (this.#failingSince === null) this.#listener.unreachable(error);
      this.#failingSince ??= now;
      if (this.#clock.now() - this.#failingSince >= this.#patience) throw error;
      return;
    }
    if (this.#abandoned) return;
    this.#oldest = this.#unwritten.size > 0 ? now : null;
    this.#listener.written();
    if (this.#failingSince !== null) {
      this.#failingSince = null;
      this.#listener.reachable();
    }
    const messages = [...results.values()].filter((result) => result.kind !== 'marked').map((result) => result.message);
    if (messages.length > 0) await this.#journal.write({ type: 'stored', messages });
  }
}
