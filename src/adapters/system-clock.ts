import { setMaxListeners } from 'node:events';
import type { EpochMs } from '../core/units.ts';
import type { Clock } from '../ports/clock.ts';

/** Timers fire up to about this late; the last stretch is waited turn by turn of the event loop, so that a send starts on its millisecond. */
const TIMER_SLACK_MS = 2;
/** The longest delay that setTimeout takes. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The wall clock. It counts on while the machine sleeps, as a lease's life does; setting it back makes no sleep longer. */
export const systemClock: Clock = { now: Date.now, uptime: () => performance.now(), sleep, turn: () => new Promise(setImmediate) };

function sleep(until: EpochMs, wake?: AbortSignal): Promise<void> {
  if (wake?.aborted || until <= Date.now()) return Promise.resolve();
  // Many look-ups may sleep on one signal; that is no leak.
  if (wake !== undefined) setMaxListeners(0, wake);
  const begin = performance.now();
  const span = until - Date.now();
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const done = () => {
      clearTimeout(timer);
      wake?.removeEventListener('abort', done);
      resolve();
    };
    const wait = () => {
      const left = Math.min(until - Date.now(), span - (performance.now() - begin));
      if (left <= 0 || wake?.aborted) done();
      else if (left <= TIMER_SLACK_MS) setImmediate(wait);
      else timer = setTimeout(wait, Math.min(left - TIMER_SLACK_MS, LONGEST_TIMER_MS));
    };
    wake?.addEventListener('abort', done, { once: true });
    wait();
  });
}
