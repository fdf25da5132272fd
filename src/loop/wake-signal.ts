import type { EpochMs } from '../core/units.ts';
import type { Clock } from '../ports/clock.ts';

/** Wakes the one loop that waits on it: something it decides by has changed. A ring while no loop waits is not kept, since the loop looks before it waits. */
export class WakeSignal {
  #wake: (() => void) | null = null;

  wake(): void {
    this.#wake?.();
    this.#wake = null;
  }

  /** Waits for a ring, or until `until`. Without an end it costs no timer and no signal: at full speed the loop waits once for each call. */
  wait(clock: Clock, until: EpochMs = Number.POSITIVE_INFINITY): Promise<void> {
    if (until === Number.POSITIVE_INFINITY) {
      return new Promise((resolve) => {
        this.#wake = resolve;
      });
    }
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    return clock.sleep(until, woken.signal);
  }
}
