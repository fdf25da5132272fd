import type { Recipient } from './campaign.ts';
import type { EpochMs } from './units.ts';

/**
 * How an error text of ours begins on a row that did not fail: on a pending one it says why it is still pending, on a sent one that the
 * provider did not say so (decision 4). The engine writes the note that follows; the stores put this before it.
 */
const NOTE_PREFIX = 'wsend: ';
const IN_DOUBT = 'in doubt:';
const LEFT_OUT = 'skipped:';
const SET_ASIDE = `${LEFT_OUT} cannot be sent:`;

/** Note of a row that was left out, because the contact wants no messages. */
export const SKIPPED = `${LEFT_OUT} opted out`;
/** How the notes begin of rows that were left out because their person had the same text lately, or may have had it. */
const RECENT = [`${LEFT_OUT} had this text`, `${LEFT_OUT} may have had this text`] as const;

/** The note of such a row: when, and in which campaign. */
export function recentNote({ at, campaign, inDoubt }: { at: EpochMs; campaign: number; inDoubt: boolean }): string {
  return `${RECENT[inDoubt ? 1 : 0]} on ${new Date(at).toISOString().slice(0, 10)} (campaign ${campaign})`;
}

/** Note of a row that counts as sent although the provider did not say so. */
export const ASSUMED_SENT = 'assumed sent, on the word of the operator';
/** Note of a row that was found when it was looked up. Nothing is known of how late the provider's list is from when it counts as sent. */
export const SENT_SOMETIME = 'found at the provider, which does not say since when it has it';
/** Note of a row that is pending again: should the checkpoint be lost, it is looked up once more before it is sent. */
export const ASSUMED_ABSENT = 'assumed not sent, on the word of the operator';
/** Note of a row that had failed unconfirmed and is pending again: it is never sent blindly. */
export const LOOK_UP_FIRST = 'was unconfirmed, to be looked up before it is sent again';

/** Note of a row that the operator leaves out, because it cannot be sent as it is. No run sends to it until that is mended. */
export function setAsideNote(reason: string): string {
  return `${SET_ASIDE} ${reason}`;
}

/** Note of a row in doubt. */
export function doubtNote(reason: string): string {
  return `${IN_DOUBT} ${reason}`;
}

/** Note of a row that was certainly not taken and waits for its next attempt. */
export function retryNote(reason: string): string {
  return `to be tried again: ${reason}`;
}

/** A note as it stands in `error_message`. */
export function noteText(note: string): string {
  return `${NOTE_PREFIX}${note}`;
}

/** How the error texts of rows begin whose person had the same text lately, for queries. */
export const RECENT_PREFIXES = RECENT.map(noteText);

/** How the error text of a row in doubt begins, for queries. */
export const IN_DOUBT_PREFIX = noteText(IN_DOUBT);

/** How the error text of a skipped row begins, for queries that count them. */
export const SKIPPED_PREFIX = noteText(LEFT_OUT);

/** The same of a row that was set aside. */
export const SET_ASIDE_PREFIX = noteText(SET_ASIDE);

/** The note in an error text, and what it makes of a pending row (`other`: looked up first); null where there is no note of ours. */
export function readNote(error: string | null): { kind: 'skipped' | 'in_doubt' | 'other'; note: string } | null {
  if (!error?.startsWith(NOTE_PREFIX)) return null;
  const note = error.slice(NOTE_PREFIX.length);
  return { kind: note.startsWith(LEFT_OUT) ? 'skipped' : note.startsWith(IN_DOUBT) ? 'in_doubt' : 'other', note };
}

/** What the error text of a pending row says of its recipient. */
export function marksOf(error: string | null): Pick<Recipient, 'marked' | 'skipped' | 'setAside'> {
  const { kind, note = '' } = readNote(error) ?? {};
  return {
    marked: kind === 'in_doubt' || kind === 'other',
    skipped: kind === 'skipped',
    setAside: [SET_ASIDE, ...RECENT].some((begin) => note.startsWith(begin)),
  };
}

/** How the code (and so the error text) of a recipient begins whose attempts are used up, none of them known to have been taken. */
export const UNCONFIRMED = 'unconfirmed:';
