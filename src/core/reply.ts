import { REPLY_WINDOW } from './campaign.ts';
import { type EpochMs, MINUTE, type Milliseconds, SECOND } from './units.ts';

/** A reply may bear a time that long before our record of Message 1: its stamp has whole seconds, and clocks differ. Our caution. */
const EARLY_REPLY: Milliseconds = MINUTE;

/**
 * How long a reply that could belong to an earlier campaign waits for the outcome of a Message 1 that is still pending: outcomes reach the
 * database within a second, so ten are ample, and a longer wait would hold up the Message 2 of the earlier campaign.
 */
const OUTCOME_WAIT: Milliseconds = 10 * SECOND;

/** A Message 1 that was sent, delivered or read. */
export interface SentMessage1 {
  campaign: number;
  contact: number;
  message: number;
  sentAt: EpochMs;
}

/** What is known when a reply is worked off. */
export interface ReplyMoment {
  /** The time stamp of the contact's message. */
  at: EpochMs;
  /** When it reached us. */
  receivedAt: EpochMs;
  now: EpochMs;
  /** The row that the contact quotes, which tells of two campaigns the one that is meant. */
  quoted?: { campaign: number } | null;
  /** A Message 1 to this contact is pending in a campaign that is being sent: it may be out, and its outcome not yet in the database. */
  pending: boolean;
}

/**
 * The Message 1 that a reply answers: that of the campaign it quotes, or the latest that was out when the contact wrote, at most 24 h before. Null when there is none, `wait`
 * when the reply may have overtaken our own record of the Message 1 that it answers.
 */
export function answeredMessage1(
  sent: SentMessage1[],
  { at, receivedAt, now, quoted, pending }: ReplyMoment,
): SentMessage1 | 'wait' | null {
  const open = sent.filter(({ sentAt }) => isInWindow(at, sentAt));
  open.sort((a, b) => b.sentAt - a.sentAt || b.message - a.message);
  const meant = open.find(({ campaign }) => campaign === quoted?.campaign);
  if (meant !== undefined) return meant;
  const latest = open[0] ?? null;
  if (!pending) return latest;
  const patience = latest === null ? at + REPLY_WINDOW : receivedAt + OUTCOME_WAIT;
  return now < patience ? 'wait' : latest;
}

/** Whether a reply from an unknown person may yet find its contact: our record of the send, or a report that names them, is on its way. */
export function mayBecomeKnown({ receivedAt, now }: Pick<ReplyMoment, 'receivedAt' | 'now'>): boolean {
  return now < receivedAt + OUTCOME_WAIT;
}

/** True when a message of that time is a reply within 24 h of a Message 1 that went out at `sentAt`. */
function isInWindow(at: EpochMs, sentAt: EpochMs): boolean {
  return sentAt - EARLY_REPLY <= at && at <= sentAt + REPLY_WINDOW;
}

/** Whether a reply to a Message 1 brings Message 2: the campaign has one, the contact wants it, and none was made before. */
export function bringsMessage2(known: { hasMessage2: boolean; optedOut: boolean; alreadyMade: boolean }): boolean {
  return known.hasMessage2 && !known.optedOut && !known.alreadyMade;
}
