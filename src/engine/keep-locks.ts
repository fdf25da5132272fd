import { type Milliseconds, SECOND } from '../core/units.ts';
import type { Checkpoint, Clock } from '../ports.ts';
import { Bell } from './bell.ts';

/** How often the locks are prolonged, which live LOCK_LIFE. */
export const HEARTBEAT: Milliseconds = 2 * SECOND;

/** Prolongs the locks while something that may take longer than they live is done before the journal does it. Rejects as `work` does, or when they are lost. */
export async function keepingLocks<T>(checkpoint: Checkpoint, clock: Clock, work: () => Promise<T>): Promise<T> {
  const over = new Bell();
  let going = true;
  const beat = async () => {
    while (going) {
      await over.wait(clock, clock.now() + HEARTBEAT);
      if (going) await checkpoint.commit([], null);
    }
  };
  const beating = beat();
  beating.catch(() => undefined);
  try {
    return await work();
  } finally {
    going = false;
    over.ring();
    await beating;
  }
}
