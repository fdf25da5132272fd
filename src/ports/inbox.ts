import type { MessageType } from '../core/campaign.ts';
import type { Alias, Fact } from '../core/incoming.ts';
import type { ReplyCounts } from '../core/reply-counts.ts';
import type { EpochMs } from '../core/units.ts';

// What comes back: what the provider reports, and what it leads to.

/**
 * What became of a fact: `done`; `unchanged` (it told nothing new); `unknown` (about a message that we did not send); `unrelated` (from a person
 * who answers no campaign); `opted_out` (a stop word); `refused` (the database does not take it); `waits` for our own record of a send.
 */
export type FactResult = 'done' | 'unchanged' | 'unknown' | 'unrelated' | 'opted_out' | 'refused' | 'waits';

/** One round of working off. `stranger` is what the provider calls the sender, where no contact is known by it. */
export interface WorkedOff {
  results: { kind: Fact['kind']; result: FactResult; stranger?: string }[];
  /** Message 2 rows that were made, pending ones and such as could not be written. */
  message2: { pending: number; failed: number };
  /** By how much the counters of campaigns moved: messages that had been accepted failed, or the other way round, or nobody knew of them. */
  moved: CountersMoved[];
}

/** Recipients that a campaign counts otherwise than before. */
export interface CountersMoved {
  campaign: number;
  type: MessageType;
  sent: number;
  failed: number;
  /** The messages among them that were open: no run need look them up any more. */
  settled: number[];
}

/** What the provider reported, kept until its effects are in the database. */
export interface Inbox {
  /** Makes facts durable, all or none; one that is there already is left alone. Returns how many were new. */
  add(facts: Fact[], receivedAt: EpochMs): Promise<number>;
  /**
   * Works off the oldest facts that are due, a limited number: the effects of each and the mark that it is done in one transaction, so
   * that it is done once, even if others do the same. Empty results when nothing is due.
   */
  workOff(now: EpochMs): Promise<WorkedOff>;
  /** Facts that are not done, and since when the oldest has waited. */
  depth(): Promise<{ waiting: number; oldest: EpochMs | null }>;
  /** When the next fact is due, or null. */
  nextDue(): Promise<EpochMs | null>;
  /** Deletes facts that were done before `doneBefore`, a limited number; returns how many. */
  forget(doneBefore: EpochMs): Promise<number>;
}

export interface Replies {
  /** Campaigns that are being sent and have a Message 2, by id. */
  waiting(): Promise<number[]>;
  counts(campaign: number, now: EpochMs): Promise<ReplyCounts>;
  /** Contacts whose Message 1 is less than 24 h old, by message id above `after`, at most `limit`; `aliases` are what the provider calls them besides. */
  openContacts(
    after: number,
    limit: number,
    now: EpochMs,
  ): Promise<{ message: number; phone: string; aliases?: Alias[]; sentAt: EpochMs }[]>;
  /**
   * Campaigns and lines with a pending Message 2, the campaign with the oldest first; null where the contact's line is not known. `fresh` when
   * at least one was never tried, or certainly not taken.
   */
  pendingMessage2(): Promise<{ campaign: number; line: string | null; fresh: boolean }[]>;
}

/** Counts for those who watch a listener. */
export interface ListenMetrics {
  /** One fact, or one webhook call that was not taken (`call`), and what became of it. */
  event(kind: string, result: string): void;
  message2(result: 'made' | 'unwritable' | 'ended_well' | 'ended_badly', count: number): void;
  /** A webhook call was answered. */
  answered(status: number, seconds: number): void;
  /** Everything, in the format of Prometheus. */
  text(): Promise<string>;
  contentType: string;
}

/** Writes a contact's text from a template and the contact's fields. */
export type WriteText = (template: string, fields: Record<string, string>) => { text: string } | { problem: string };
