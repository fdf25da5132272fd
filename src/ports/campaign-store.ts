import type { Campaign, CampaignStatus, Recipient } from '../core/campaign.ts';
import type { Settled } from '../core/checkpoint.ts';
import type { EpochMs } from '../core/units.ts';
import type { Recent, RecentRule } from './recent-texts.ts';

// The operator's database: campaigns, their recipients, and what became of them.

/** Message 1 rows of a campaign by status; delivered and read count as sent. What was left out counts in the total alone. */
export interface Tally {
  total: number;
  pending: number;
  sent: number;
  failed: number;
  /** Of those that failed, the rows that would be a second message to their person; left out where there is none. */
  duplicates?: number;
}

/** What became of one recipient, as the database records it. */
export type Result =
  | Settled
  /** Still pending there, with a note (in doubt, or waiting for a retry), so that the loss of the checkpoint does not hide it. */
  | { kind: 'marked'; message: number; note: string; at: EpochMs; attempts: number };

export interface CampaignStore {
  find(id: number): Promise<Campaign | undefined>;
  /** Newest first. */
  list(): Promise<(Campaign & { tally: Tally })[]>;
  tally(id: number): Promise<Tally>;
  setStatus(id: number, status: CampaignStatus): Promise<void>;
  /** Gives a campaign its last status, unless it is no longer `sending` or someone is pending after all; true when it has it now. */
  complete(id: number, status: CampaignStatus): Promise<boolean>;
  /** Ends a campaign for good, with a status under which no program continues it; its rows stay as they are. May be repeated. */
  cancel(id: number): Promise<void>;
  /** True while a reply may still bring a Message 2 (someone who has had none got Message 1 less than 24 h ago), or a Message 2 is pending. */
  awaitsReplies(id: number, now: EpochMs): Promise<boolean>;
  /** Failed Message 1 rows by error text (`code: reason`), most frequent first, at most `limit`. */
  failures(id: number, limit: number): Promise<{ error: string; count: number }[]>;
}

/** One Message 1 row and the person it is for. */
export interface PlacedRow {
  message: number;
  /** `contacts.full_number`, as stored. */
  phone: string;
  status: 'sent' | 'delivered' | 'read' | 'pending' | 'failed';
  /** As in Recipient. */
  marked: boolean;
  skipped: boolean;
  /** Its text, where that was asked for. */
  content?: string;
}

/** A row that is to be sent to, with its text. */
export type SeenRow = Pick<PlacedRow, 'message' | 'phone'> & { content: string };

/** The text of a contact, or null where it gets no message. */
export type RenderText = (fields: Record<string, string>, contact: number) => string | null;

/** A message that the database has as accepted, and what its reference was made of. */
export interface AcceptedRow {
  campaign: number;
  campaignCreatedAt: EpochMs | null;
  message: number;
  phone: string;
  content: string;
  at: EpochMs;
}

export interface RecipientStore {
  /** Pending Message 1 rows with an id above `after`, by id, at most `limit`. */
  pending(campaign: number, after: number, limit: number): Promise<Recipient[]>;
  /** Message 1 rows of one status with an id above `after`, by id, at most `limit`; of a million all are read in two seconds. */
  peopleIn(campaign: number, status: PlacedRow['status'], after: number, page: { limit: number; texts?: boolean }): Promise<PlacedRow[]>;
  /** True when the campaign has this Message 1 row (null: any at all), whatever its status. */
  has(campaign: number, message: number | null): Promise<boolean>;
  /** These Message 1 rows of the campaign, as far as they are still pending, by id. */
  stillPending(campaign: number, messages: number[]): Promise<Recipient[]>;
  /** Those of these Message 1 rows that are settled, as the database has them: what a report says that carries our reference, or another run. */
  settled(campaign: number, messages: number[]): Promise<Settled[]>;
  /** What was accepted last, latest first, a few: of this campaign where it has any, else of whichever. Not what counts as sent by the operator's word. */
  latestAccepted(campaign: number): Promise<AcceptedRow[]>;
  /**
   * Writes results and the campaign's counters, all or nothing. A row that is no longer pending is left alone (so repeating a call changes
   * nothing), with two exceptions: `sent` also overrules `failed`, because an acceptance is a fact, unless that very acceptance failed since; and it
   * dates what only a report had said.
   */
  record(campaign: number, results: Result[]): Promise<void>;
  /**
   * Makes the Message 1 rows from the campaign's categories when it has none at all; returns how many were made and left out. `render` gets
   * a contact's fields and id, and gives null for one who gets no row; `check` is called before it is final. What either throws undoes all.
   */
  prepare(campaign: number, render: RenderText, check?: () => void): Promise<{ made: number; unverified: number; duplicates: number }>;
  /** How many rows `prepare` would make now, and how many contacts it would leave out because another is the same person. */
  preparable(campaign: number, render?: RenderText): Promise<{ count: number; duplicates: number }>;
  /** Failed Message 1 rows become pending again, attempts 0, and their campaign `sending`, all at once; returns which, by id. Those of `except` stay as they are. Keeps `whatsapp_message_id` (see Recipient.acceptedBefore). */
  retryFailed(campaign: number, except?: ReadonlySet<number>): Promise<number[]>;
}

/** A checked CSV row on its way into the database. */
export interface PlannedRecipient {
  /** E.164. */
  phone: string;
  countryCode: string | null;
  firstName: string | null;
  lastName: string | null;
  message1: string;
  message2: string | null;
}

export interface CampaignPlan {
  name: string;
  /** The templates as typed. */
  message1: string;
  message2: string | null;
  /** Tells this file with this text (and its `--again` repetitions) from every other. At most 100 characters. */
  fingerprint: string;
  /** People who had any text lately: those who had this very text are left out. Without it, no one is. */
  recent?: Recent | null | undefined;
  /** What is decided for good about who had it lately, where that is not what suits a file. */
  rule?: RecentRule | undefined;
  recipients: AsyncIterable<PlannedRecipient>;
}

export interface ImportStore {
  /** The campaign that was made from this fingerprint, newest first, or undefined. */
  findImport(fingerprint: string): Promise<number | undefined>;
  /** Creates campaign, contacts and Message 1 rows in one transaction; on any error nothing of it stays. UsageError where everybody would be left out. */
  createCampaign(plan: CampaignPlan): Promise<{ campaign: number; recipients: number; leftOut: number }>;
}
