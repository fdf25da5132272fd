import { type Milliseconds, SECOND } from '../core/units.ts';
import type { World } from '../world.ts';

/** Work that takes longer than this is announced, so that it does not seem to hang. */
const LONG: Milliseconds = SECOND;

/** Does work that is quick for most and slow for some, saying what it is once it turns out slow. */
export async function announceIfSlow<T>({ clock, show }: World, what: string, work: Promise<T>): Promise<T> {
  const done = new AbortController();
  void clock.sleep(clock.now() + LONG, done.signal).then(() => {
    if (!done.signal.aborted) show.aside(`${what} …`);
  });
  try {
    return await work;
  } finally {
    done.abort();
  }
}
