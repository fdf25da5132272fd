import type { EpochMs } from '../core/units.ts';

// What else is kept in the operator's database.

/** Preflight checks: whether it is durable, and lets wsend write. They change nothing. */
export interface Preflight {
  /**
   * Rejects with UsageError, saying what to do, where a table that wsend writes has no transactions, a column is too narrow or of another type, or
   * its user may not write what this takes. For `reading` (a dry run) only the columns are looked at.
   * Rejects with DatabaseUnreachable where nothing can be written at all.
   */
  require(what: 'sending' | 'listening' | 'reading'): Promise<void>;
  /** Rejects with UsageError where a campaign, category, contact or message has an id that wsend would not read, or could take for another. */
  requireExactIds(): Promise<void>;
  /** What else doctor warns of: settings under which it forgets what it confirmed, and rights that other commands need. */
  warnings(): Promise<string[]>;
}

/** One message of ours as the ledger has it, whatever its status: Message 1, or a Message 2 that wsend made. */
export interface LedgerRow {
  /** Id of the row in `messages`. */
  message: number;
  /** `contacts.full_number`, with or without `+`. */
  phone: string;
  content: string;
  /** Delivered and read count as sent; a status that wsend does not use is `other`. */
  status: 'pending' | 'sent' | 'failed' | 'other';
  /** `messages.whatsapp_message_id`. */
  providerId: string | null;
  /** It is sent by the operator's word alone (`reconcile --assume sent`). */
  assumed: boolean;
}

export interface Ledger {
  /** Messages with an id above `after`, by id, at most `limit`. Rejects with DatabaseUnreachable when the database does not answer. */
  page(campaign: number, after: number, limit: number): Promise<LedgerRow[]>;
}

/** Who wants no messages. Every change is kept and has a number; a list that was never written to is empty. A number stands for its person: all its true forms. */
export interface OptOuts {
  /** The changes after `cursor` (0: all of them, the latest of each person last), in order, and the cursor to go on from. */
  since(cursor: number): Promise<{ cursor: number; changes: { phone: string; out: boolean }[] }>;
  /** Puts numbers (E.164) on the list, or takes them off; returns how many people were not so before. `source` says who wanted it. */
  set(phones: string[], out: boolean, source: string): Promise<number>;
  /** The numbers on the list, in order of number, each with when and by whom it was put there. */
  list(): AsyncIterable<{ phone: string; at: EpochMs; source: string }>;
}

/** The tables of wsend's own, which carry a version. */
export interface OwnTables {
  /** Makes what is missing, step by step, once. Rejects with UsageError where a newer wsend made them, or this user may not (naming `wsend doctor --sql`). */
  migrate(): Promise<void>;
  /** The statements of the steps that are missing, for a user who may create tables; empty where none is. */
  sql(): Promise<string>;
}

/** What became of one recipient, as the database has it. */
export interface RecipientReport {
  /** Id of the Message 1 row in `messages`. */
  message: number;
  phone: string;
  firstName: string | null;
  lastName: string | null;
  /** `pending`, `sent`, `delivered`, `read`, `failed`, `in_doubt`, `skipped`, or whatever another program wrote there. */
  status: string;
  /** Why it failed, is in doubt, was skipped, or waits; null where there is nothing to say. */
  reason: string | null;
  attempts: number;
  sentAt: EpochMs | null;
  deliveredAt: EpochMs | null;
  readAt: EpochMs | null;
  /** `no_interaction` once 24 h have passed without a reply; null before, and where Message 1 was not taken. */
  reply: 'replied' | 'no_interaction' | null;
  repliedAt: EpochMs | null;
  /** When they first reacted with an emoji to a message of the campaign. */
  reactedAt: EpochMs | null;
  /** The status of their Message 2, or null where they have none. */
  message2: string | null;
}

export interface RecipientReports {
  /** Recipients with a Message 1 above `after`, by id, at most `limit`. */
  page(campaign: number, after: number, limit: number, now: EpochMs): Promise<RecipientReport[]>;
}
