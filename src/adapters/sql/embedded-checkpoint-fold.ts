import type { Change } from '../../ports.ts';

/** Where a recipient is kept: claimed, in doubt, waiting for a retry, or settled either way and not yet in the database. */
export type Place = 'claim' | 'doubt' | 'retry' | 'sent' | 'failed';

/** What a commit comes down to, once its changes are applied in order. */
export interface Folded {
  /** Message, place and what is kept of it (JSON), to be written over whatever was kept before. */
  put: [message: number, place: Place, kept: string][];
  /** Messages of which nothing is kept any more. */
  remove: number[];
  /** By how much the counters move. */
  sent: number;
  failed: number;
  /** The message settled last, or null when none was. */
  lastMessage: number | null;
}

/** The messages that changes touch, each once. */
export function messagesOf(changes: Change[]): number[] {
  return [...new Set(changes.flatMap((change) => (change.type === 'stored' ? change.messages : [messageOf(change)])))];
}

/**
 * Applies changes in order to `places`, where each touched message is now (absent: plain pending). A settled recipient is counted when it
 * leaves a claim, a doubt or a retry, so settling it again counts nothing, and an outcome that overrules another moves the count.
 */
export function fold(changes: Change[], places: ReadonlyMap<number, Place>): Folded {
  const now = new Map<number, { place: Place; kept: string | null }>();
  for (const [message, place] of places) now.set(message, { place, kept: null });
  const count = { sent: 0, failed: 0 };
  let lastMessage: number | null = null;

  for (const change of changes) {
    if (change.type === 'stored') {
      for (const message of change.messages) if (isOutcome(now.get(message)?.place)) now.delete(message);
    } else if (change.type === 'forget') {
      now.delete(change.message);
    } else if (change.type === 'settle') {
      const { message, kind } = change.result;
      const from = now.get(message)?.place;
      if (from !== undefined) count[kind] += 1;
      if (isOutcome(from)) count[from] -= 1;
      else if (from !== undefined) lastMessage = message;
      now.set(message, { place: kind, kept: JSON.stringify(change.result) });
    } else {
      now.set(messageOf(change), { place: change.type, kept: keptOf(change) });
    }
  }

  const put: Folded['put'] = [];
  for (const [message, { place, kept }] of now) if (kept !== null) put.push([message, place, kept]);
  return { put, remove: [...places.keys()].filter((message) => !now.has(message)), ...count, lastMessage };
}

function isOutcome(place: Place | undefined): place is 'sent' | 'failed' {
  return place === 'sent' || place === 'failed';
}

function messageOf(change: Exclude<Change, { type: 'stored' }>): number {
  if (change.type === 'claim') return change.claim.message;
  if (change.type === 'doubt') return change.doubt.message;
  if (change.type === 'retry') return change.retry.message;
  return change.type === 'settle' ? change.result.message : change.message;
}

function keptOf(change: Extract<Change, { type: 'claim' | 'doubt' | 'retry' }>): string {
  if (change.type === 'retry') return JSON.stringify(change.retry);
  const claim = change.type === 'claim' ? change.claim : change.doubt;
  return JSON.stringify({ ...claim, owner: claim.owner.token });
}
