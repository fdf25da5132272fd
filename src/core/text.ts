import { trimmed } from './trimmed.ts';

/** The longest text, in UTF-16 code units. The provider is said to take 6000; its largest known client assumes 4096, and so do we. */
export const LONGEST_TEXT = 4096;

/** Why a text cannot be sent, in words that follow "the text", or null when it can. */
export function textProblem(text: string): string | null {
  if (trimmed(text) === '') return 'the text is empty';
  if (text.length > LONGEST_TEXT) return `the text has ${text.length} characters; at most ${LONGEST_TEXT} are allowed`;
  if (/\0|\p{Surrogate}/u.test(text)) return 'the text contains characters that are not valid Unicode text';
  return null;
}
