import type { Run } from './parts.ts';

/** At full speed this share of the calls is claimed ahead: a call that ends then makes room for one whose claim is durable. */
const AHEAD = 1 / 8;

/** How many claims may be open besides the calls: none where each call waits for its turn anyway. */
export function claimsAhead({ batches }: Run): number {
  return batches.pace.delayMs > 0 ? 0 : Math.ceil(AHEAD * batches.policy.concurrency);
}

/** Makes a call once fewer than `concurrency` are in flight on the line, in the order of asking. */
export async function inSlot<T>({ line: { slots }, batches }: Run, call: () => T | Promise<T>): Promise<T> {
  if (slots.taken >= batches.policy.concurrency) await new Promise<void>((resolve) => slots.waiting.push(resolve));
  else slots.taken += 1;
  try {
    return await call();
  } finally {
    // It is handed on as it is, so that nobody comes in between.
    const next = slots.waiting.shift();
    if (next === undefined) slots.taken -= 1;
    else next();
  }
}
