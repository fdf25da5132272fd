// The texts of a campaign's Message 1 rows, as the database has them before anything is sent.

/** Which texts to look for. */
export interface OddTexts {
  after: number;
  /** Of those who had failed, and not of the pending. */
  failed: boolean;
  /** The fields of a contact that must not be empty. */
  needed: readonly string[];
  /** Numbers that are none are looked for, too. */
  numbers: boolean;
}

/** A Message 1 row whose text is missing, blank or too long, or has marks of a template, or whose contact lacks a field; some others may be among them. */
export interface OddText {
  message: number;
  content: string;
  attempts: number;
  /** It was left out before, because it could not be sent. */
  setAside: boolean;
  phone: string;
  /** What a template can read of its contact. */
  fields: Record<string, string>;
}

export interface Texts {
  /** The Message 1 rows that cannot just be sent as they are, by id, among the next above `after`; and after which to go on, or null at the end. */
  odd(campaign: number, what: OddTexts): Promise<{ odd: OddText[]; after: number | null }>;
  /** Writes the texts of rows that have none; returns those that the column does not hold, which stay without. */
  fill(campaign: number, texts: { message: number; content: string }[]): Promise<number[]>;
  /** Rows that were set aside are pending again, as if they had not been. */
  takeBack(campaign: number, messages: number[]): Promise<void>;
  /** True of a campaign that was made of a file: its texts were written then, Message 2 too. */
  ofFile(campaign: number): Promise<boolean>;
}
