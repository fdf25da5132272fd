import type { Milliseconds } from '../../../core/units.ts';

/** How long a server may take before it counts as gone. */
export interface Deadlines {
  connectMs: Milliseconds;
  statementMs: Milliseconds;
  closeMs: Milliseconds;
}

/**
 * A server that is there is connected to within milliseconds; 5 s allow for a slow network. The longest of our statements (a count over a
 * million rows) takes a second or two; 30 s allow for a busy server. One that does not say goodbye is left after 2 s.
 */
export const DEADLINES: Deadlines = { connectMs: 5_000, statementMs: 30_000, closeMs: 2_000 };

/** A statement that got no answer in time. */
export class NoAnswer extends Error {}

/** `work`, or NoAnswer after `limit`; then `giveUp` is called first, to cut the connection that hangs. */
export function within<T>(limit: Milliseconds, work: Promise<T>, giveUp: () => void = () => {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      giveUp();
      reject(new NoAnswer(`did not answer within ${limit / 1_000} s`));
    }, limit);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Cuts what still hangs when a database is closed: its socket would keep the process alive until the statement's own deadline. */
export function cutAll(cuts: Iterable<() => void>): void {
  for (const cut of [...cuts]) cut();
}
