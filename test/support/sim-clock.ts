import { setMaxListeners } from 'node:events';
import type { EpochMs, Milliseconds } from '../../src/core/units.ts';
import type { Clock } from '../../src/ports/clock.ts';

interface Sleeper {
  at: EpochMs;
  wake: () => void;
}

/** A clock that stands still while anything can still happen, and then jumps to the next moment somebody waits for. */
export class SimClock implements Clock {
  #now: EpochMs;
  #sleepers: Sleeper[] = [];
  #passed: Milliseconds = 0;
  /** Who of those that wait for the same moment goes first: an index below `count`. */
  choose: (count: number) => number = () => 0;

  constructor(now: EpochMs = Date.UTC(2026, 0, 5, 8, 0, 0)) {
    this.#now = now;
  }

  now = (): EpochMs => this.#now;

  uptime = (): Milliseconds => this.#passed;

  sleep = (until: EpochMs, wake?: AbortSignal): Promise<void> => {
    if (wake?.aborted || until <= this.#now) return Promise.resolve();
    if (wake !== undefined) setMaxListeners(0, wake);
    return new Promise((resolve) => {
      const sleeper: Sleeper = {
        at: until,
        wake: () => {
          this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
          wake?.removeEventListener('abort', sleeper.wake);
          resolve();
        },
      };
      this.#sleepers.push(sleeper);
      wake?.addEventListener('abort', sleeper.wake, { once: true });
    });
  };

  turn = (): Promise<void> => Promise.resolve();

  /** Sets the clock, as a machine that was asleep (or a person) does, without waking anyone in between. */
  set(now: EpochMs): void {
    this.#now = now;
  }

  /** Sets the clock forward or back, as a person does: no sleep under way gets shorter or longer by it. */
  step(by: Milliseconds): void {
    this.#now += by;
    for (const sleeper of this.#sleepers) sleeper.at += by;
  }

  /** Lets time pass until `work` is done. Throws when it never will be: everybody waits, and for no moment at all. */
  async run<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const finished = () => {
      done = true;
    };
    work.then(finished, finished);
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (done) return work;
      const next = this.#next();
      if (next === undefined) throw new Error('everybody waits for something that never comes');
      this.#passed += Math.max(0, next.at - this.#now);
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
  }

  #next(): Sleeper | undefined {
    const moment = this.#sleepers.reduce((first, { at }) => Math.min(first, Math.max(at, this.#now)), Number.POSITIVE_INFINITY);
    if (moment === Number.POSITIVE_INFINITY) return undefined;
    const due = this.#sleepers.filter(({ at }) => at <= moment).sort((a, b) => a.at - b.at);
    return due[this.choose(due.length)];
  }
}
