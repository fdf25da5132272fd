import { type EpochMs, HOUR, type Milliseconds, SECOND } from '../core/units.ts';

/** The first wait, and the longest: the provider forgets nothing within an hour, and every look-up costs it a call. */
const SHORTEST: Milliseconds = 30 * SECOND;
const LONGEST: Milliseconds = HOUR;

/**
 * When those that earlier runs left in doubt are looked up again: after 30 s, and each time twice as long, up to an hour. Who has never been
 * tried is never kept waiting.
 */
export class LookUpSchedule {
  readonly #waits = new Map<string, { until: EpochMs; wait: Milliseconds }>();

  /** Whether what stands under `key` is to be tried now; `fresh` when something of it was never tried. */
  isDue(key: string, fresh: boolean, now: EpochMs): boolean {
    const last = this.#waits.get(key);
    if (fresh) this.#waits.delete(key);
    else if (last !== undefined && now < last.until) return false;
    else {
      const wait = Math.min(last === undefined ? SHORTEST : 2 * last.wait, LONGEST);
      this.#waits.set(key, { until: now + wait, wait });
    }
    return true;
  }
}
