import { REPLY_WINDOW } from './campaign.ts';
import type { Fact } from './incoming.ts';
import { type EpochMs, MINUTE, type Milliseconds, SECOND } from './units.ts';

/** The longest wait between two tries of a fact that waits for our own record of a send. */
const LONGEST_WAIT: Milliseconds = MINUTE;
/** A report about a message that is still unknown after this time is not about one of ours: the line is used by other programs too. */
const UNKNOWN_AFTER: Milliseconds = 10 * MINUTE;

/** When a fact that could not be worked off yet is due again: after 1 s, 2 s, 4 s … 60 s. Null once it is not waited for any longer. */
export function dueAgain(fact: Fact, { tries, receivedAt, now }: { tries: number; receivedAt: EpochMs; now: EpochMs }): EpochMs | null {
  const end = fact.kind === 'reply' ? Math.max(fact.at + REPLY_WINDOW, receivedAt + UNKNOWN_AFTER) : receivedAt + UNKNOWN_AFTER;
  if (now >= end) return null;
  return Math.min(now + Math.min(SECOND * 2 ** Math.min(tries, 10), LONGEST_WAIT), end);
}
