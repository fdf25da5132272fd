import { type Progress, unsettled } from './progress.ts';
import { type EpochMs, HOUR, type Milliseconds } from './units.ts';

/** The statuses that `campaigns.status` may hold. A pause is not one of them: it lives in the checkpoint. */
export type CampaignStatus = 'draft' | 'sending' | 'completed' | 'failed';

/** Message 1 goes to everyone, Message 2 to those who reply. */
export type MessageType = 'message_1' | 'message_2';

/** How long after Message 1 a reply still brings Message 2. */
export const REPLY_WINDOW: Milliseconds = 24 * HOUR;

/** Message 1, optionally Message 2, and when it was made. */
export interface Campaign {
  id: number;
  name: string;
  message1: string | null;
  message2: string | null;
  /** As stored: one of CampaignStatus, or whatever an existing database holds. */
  status: string;
  createdAt: EpochMs | null;
  updatedAt: EpochMs | null;
  /** When it was ended for good before everyone was settled; null where it was not. */
  cancelledAt: EpochMs | null;
}

/** Tells a campaign from one with the same id in another or a recreated database: when it was created, to the second. */
export function identityOf({ createdAt }: Pick<Campaign, 'createdAt'>): string {
  return createdAt === null ? 'undated' : `created ${new Date(Math.floor(createdAt / 1_000) * 1_000).toISOString()}`;
}

/** Below every row id: the least that an integer column of 32 bits holds. Ids of an imported table may be zero and negative. */
export const BEFORE_ALL = -(2 ** 31);

/** One Message 1 to be sent: a row of `messages` with its contact's number, as the database holds them. */
export interface Recipient {
  /** Id of the row in `messages`. */
  message: number;
  /** `contacts.full_number`, with or without `+`. */
  phone: string;
  content: string;
  /** `messages.retry_count`: attempts made, over all runs. */
  attempts: number;
  /** True when the row carries a note of ours (an error text) although it is pending: a run left it in doubt or waiting for a retry. */
  marked: boolean;
  /** True when its note says that it was left out: the contact wants no messages, or it is set aside. */
  skipped: boolean;
  /** True when the note says that it is left out for good: it cannot be sent as it is, or the person had the same text lately. No run sends to it. */
  setAside?: boolean;
  /** `messages.whatsapp_message_id` of a row that is pending again after the provider accepted and then failed it. */
  acceptedBefore: string | null;
}

/** The status of a cancelled campaign, as far as the column can say it: not one under which other programs would go on with it. */
export function cancelledStatus({ sent }: { sent: number }): CampaignStatus {
  return sent > 0 ? 'completed' : 'failed';
}

/**
 * The status a campaign has earned: `sending` while anyone is unsettled, `failed` when every recipient failed, else `completed`; one with
 * a Message 2 stays `sending` while it `awaitsReplies`: until everyone has had Message 2, or 24 h without a reply.
 */
export function earnedStatus(progress: Progress, awaitsReplies: boolean): CampaignStatus {
  if (unsettled(progress) > 0) return 'sending';
  if (progress.failed > 0 && progress.sent === 0) return 'failed';
  return awaitsReplies ? 'sending' : 'completed';
}
