import type { Delivery } from './incoming.ts';
import { noteText, SENT_SOMETIME, UNCONFIRMED } from './note.ts';
import type { EpochMs } from './units.ts';

/** A message as far as deliveries change it. `status` is one of those of `messages`, or whatever an existing database holds. */
export interface DeliveryRow {
  status: string;
  deliveredAt: EpochMs | null;
  readAt: EpochMs | null;
  error: string | null;
}

/** The code under which a failure counts that came after the provider had accepted the message, where it gives none. */
export const FAILED_LATER = 'message:failed';

/** One report about it. `current` is false when it is about an acceptance that a later one has replaced. */
export type DeliveryReport = Pick<Delivery, 'state' | 'at' | 'failure'> & { current: boolean };

/** Further is higher. A message that was delivered has reached a person: no failure undoes that, and it undoes a failure. */
const RANK: Record<string, number> = { pending: 0, sent: 1, failed: 2, delivered: 3, read: 4 };

/** True while nobody knows whether the provider took it: it is pending, or its attempts are used up and none of them was confirmed. */
export function isUndecided({ status, error }: Pick<DeliveryRow, 'status' | 'error'>): boolean {
  return status === 'pending' || (status === 'failed' && error?.startsWith(UNCONFIRMED) === true);
}

/** A message whose fate nobody knew, once a report has shown that the provider took it. Since when is for its run to say, which may be at it. */
export function settledByReport(row: DeliveryRow): DeliveryRow {
  return { ...row, status: 'sent', error: noteText(SENT_SOMETIME) };
}

/**
 * The message after a report, whatever the order in which reports arrive and however often: its status only moves forward, and each time is
 * the earliest that was reported. A failure counts only for a message that is sent, and only for its present acceptance: a row that is
 * pending again was failed before, and is on its way to a second attempt. What `sent` says is known from the send itself. A note of how it
 * came to be sent stays.
 */
export function afterDelivery(row: DeliveryRow, { state, at, failure, current }: DeliveryReport): DeliveryRow {
  const rank = RANK[row.status];
  if (rank === undefined || state === 'sent') return row;
  if (state === 'failed') {
    if (row.status !== 'sent' || !current) return row;
    const { code, reason } = failure ?? { code: FAILED_LATER, reason: 'accepted, then failed at the provider' };
    return { ...row, status: 'failed', error: `${code}: ${reason}` };
  }
  const moved = rank < (RANK[state] as number) ? { status: state, error: row.status === 'sent' ? row.error : null } : {};
  const deliveredAt = earliest(row.deliveredAt, at);
  return { ...row, ...moved, deliveredAt, readAt: state === 'read' ? earliest(row.readAt, at) : row.readAt };
}

/** How a campaign's counters move with a Message 1: 1 where it is counted now and was not before, -1 where it was. */
export function countersMoved(before: string, after: string): { sent: number; failed: number } {
  return { sent: Number(isTaken(after)) - Number(isTaken(before)), failed: Number(after === 'failed') - Number(before === 'failed') };
}

function isTaken(status: string): boolean {
  return status === 'sent' || status === 'delivered' || status === 'read';
}

function earliest(known: EpochMs | null, at: EpochMs): EpochMs {
  return known === null ? at : Math.min(known, at);
}
