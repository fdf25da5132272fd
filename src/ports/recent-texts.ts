import type { TextIndex } from '../core/text-index.ts';
import type { EpochMs } from '../core/units.ts';

// Who had which Message 1 lately, in whatever campaign of the database.

/** Everybody who had a Message 1 since some moment, or may have had it, by text. */
export interface Recent {
  index: TextIndex;
  /** Messages that some checkpoint has and the database does not know of: claimed, in doubt, or just sent. */
  open: ReadonlySet<number>;
}

/** What becomes of people who had the same text lately: left out, sent to again, or (where nothing was decided) what suits where the campaign comes from. */
export type RecentRule = 'leave_out' | 'send';

/** Message 1 rows of a campaign whose person had the same text lately, by the note that says when and in which campaign. */
export type RecentRows = ReadonlyMap<string, number[]>;

/** Every call rejects with DatabaseUnreachable when the database does not answer. */
export interface RecentTexts {
  /** The campaigns whose checkpoint may know of more than the database: unfinished or cancelled. */
  open(): Promise<number[]>;
  /** What was sent since then, or may have been, but for one campaign; null where nothing was. */
  read(since: EpochMs, open: ReadonlySet<number>, except: number | null): Promise<Recent | null>;
  /** Those of a campaign's rows that carry no note of ours and whose person had the very text. */
  among(recent: Recent, campaign: number, messages: readonly number[]): Promise<RecentRows>;
  /** How many of these people had the very text. */
  count(
    recent: Recent,
    people: AsyncIterable<{ phone: string; message1: string }> | Iterable<{ phone: string; message1: string }>,
  ): Promise<number>;
  /** What was decided for a campaign; of one that was made of a file, `leave_out` where nothing was. */
  rule(campaign: number): Promise<RecentRule | null>;
  /** Decides it. With `send`, people who were left out before no longer are. */
  decide(campaign: number, rule: RecentRule): Promise<void>;
  /** How many of a campaign are left out for it. */
  leftOut(campaign: number): Promise<number>;
  /** Leaves these rows out, as far as they are pending and carry no note. May be repeated. */
  leaveOut(campaign: number, rows: RecentRows): Promise<void>;
}
