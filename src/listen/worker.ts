import { type EpochMs, HOUR, type Milliseconds, SECOND } from '../core/units.ts';
import { DatabaseUnreachable, messageOf } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inbox, WorkedOff } from '../ports/inbox.ts';

/** How often the inbox is looked at although nothing has arrived here: another listener may have taken something. */
const LOOK_EVERY: Milliseconds = 5 * SECOND;
/** The pause after a round that took little: what arrives meanwhile is worked off together, at a fraction of the cost, and nobody notices. */
const BREATH: Milliseconds = 20;
const LITTLE = 100;
/** The wait after the database did not answer. */
const AFTER_LOSS: Milliseconds = 2 * SECOND;
/** Facts that were done are kept so long, and recognised when the provider repeats them: it does so for 24 h. */
export const KEPT_FOR: Milliseconds = 48 * HOUR;
/** How often those are deleted. */
const FORGET_EVERY: Milliseconds = HOUR / 4;

/** What the worker tells. */
export interface WorkerListener {
  worked(round: WorkedOff): void;
  trouble(reason: string): void;
  wellAgain(): void;
}

/** Works the inbox off until `stop`; wakes at once when `ring` is called. */
export class Worker {
  readonly #inbox: Inbox;
  readonly #clock: Clock;
  readonly #listener: WorkerListener;
  #wake = new AbortController();
  #trouble: string | null = null;
  #forgotten: EpochMs = 0;
  #lastRound: EpochMs;

  constructor(inbox: Inbox, clock: Clock, listener: WorkerListener) {
    this.#inbox = inbox;
    this.#clock = clock;
    this.#listener = listener;
    this.#lastRound = clock.now();
  }

  /** Why it does not get on, or null. */
  get trouble(): string | null {
    const silent = this.#clock.now() - this.#lastRound;
    return this.#trouble ?? (silent > 12 * LOOK_EVERY ? `it has not moved for ${Math.round(silent / SECOND)} s` : null);
  }

  ring(): void {
    this.#wake.abort();
  }

  /** Resolves after the round in which `stop` is aborted. Never rejects: a database that is away is tried again, and so is anything else. */
  async run(stop: AbortSignal): Promise<void> {
    stop.addEventListener('abort', () => this.ring());
    while (!stop.aborted) {
      this.#wake = new AbortController();
      let next: EpochMs | null;
      try {
        next = await this.#round();
        if (this.#trouble !== null) this.#listener.wellAgain();
        this.#trouble = null;
      } catch (error) {
        const reason = error instanceof DatabaseUnreachable ? error.message : `unexpected: ${messageOf(error)}`;
        if (this.#trouble === null) this.#listener.trouble(reason);
        this.#trouble = reason;
        this.#wake = new AbortController();
        next = this.#clock.now() + AFTER_LOSS;
      }
      this.#lastRound = this.#clock.now();
      // Between two rounds, what has arrived is taken.
      if (next === null) await this.#clock.turn();
      else if (!stop.aborted) await this.#clock.sleep(next, this.#wake.signal);
    }
  }

  /** When to go on, or null when there may be more at once. */
  async #round(): Promise<EpochMs | null> {
    const now = this.#clock.now();
    const round = await this.#inbox.workOff(now);
    if (round.results.length > 0) {
      this.#listener.worked(round);
      if (round.results.length >= LITTLE) return null;
      // Not to be cut short by the next arrival.
      await this.#clock.sleep(now + BREATH);
      return null;
    }
    if (now - this.#forgotten >= FORGET_EVERY && (await this.#inbox.forget(now - KEPT_FOR)) === 0) this.#forgotten = now;
    const due = await this.#inbox.nextDue();
    return Math.min(due ?? Number.POSITIVE_INFINITY, now + LOOK_EVERY);
  }
}
