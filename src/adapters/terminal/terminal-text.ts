import { stripVTControlCharacters } from 'node:util';
import { maskPhone } from '../../core/phone.ts';
import { type Milliseconds, toSeconds } from '../../core/units.ts';

/** Text from outside (a provider's reason, a campaign's name) as one line that cannot move the cursor or turn the writing direction. */
export function oneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replace(TURNS, '')
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
}

/**
 * Text that may hold what comes from outside, as lines that cannot drive a terminal: no escape sequences, no control characters (C0, C1)
 * but line ends and tabs, nothing that turns the writing direction of what follows.
 */
export function plainLines(text: string): string {
  if (/^[\n\t -~]*$/.test(text)) return text;
  return stripVTControlCharacters(text)
    .replace(/\r\n/g, '\n')
    .replace(TURNS, '')
    .replace(/[^\P{Cc}\n\t]/gu, '')
    .replace(/[\p{Zl}\p{Zp}]/gu, ' ');
}

/** A value as one line of JSON. For a terminal, what could drive it and JSON leaves as it is (DEL, C1, marks of direction) is escaped. */
export function jsonLine(value: unknown, forTerminal: boolean): string {
  const json = JSON.stringify(value);
  const safe = forTerminal ? json.replace(/[\u007f-\u009f]/g, escaped).replace(TURNS, escaped) : json;
  return `${safe}\n`;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Embeddings, overrides and isolates of writing direction. The marks that Arabic names may need (U+200E, U+200F, U+061C) turn nothing else. */
const TURNS = /[\u202a-\u202e\u2066-\u2069]/g;

/** Cells that a text takes in a terminal, colours not counted. Never too few: joined emoji are counted one by one. */
export function cells(text: string): number {
  let sum = 0;
  for (const char of stripVTControlCharacters(text)) sum += WIDE.test(char) ? 2 : NOTHING.test(char) ? 0 : 1;
  return sum;
}

/** The text in at most `width` cells; what is cut off is marked by `…`. For text without colours. */
export function cut(text: string, width: number): string {
  if (cells(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const char of text) {
    used += cells(char);
    if (used > width - 1) break;
    kept += char;
  }
  return width > 0 ? `${kept}…` : '';
}

/** The text in exactly `width` cells or more, filled with spaces on the right, or on the left. */
export function pad(text: string, width: number, side: 'left' | 'right' = 'right'): string {
  const fill = ' '.repeat(Math.max(0, width - cells(text)));
  return side === 'right' ? text + fill : fill + text;
}

/** A count as people read it: `1000`, from five digits on grouped, `10,000`. */
export function count(n: number): string {
  return Math.abs(n) < 10_000 ? String(n) : n.toLocaleString('en-US');
}

/** A setting in seconds, exactly: `3 s`, `4.5 s`, `0.02 s`. */
export function seconds(ms: Milliseconds): string {
  return `${toSeconds(ms)} s`;
}

/** A count and its noun: `1 recipient`, `1000 recipients`. */
export function counted(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** Combining marks and invisible characters. The selector that makes a sign an emoji (U+FE0F) counts: it makes most signs wider. */
const NOTHING = /(?!\ufe0f)[\p{Mn}\p{Me}\p{Cc}\p{Cf}]/u;
/** The East Asian blocks that are wide or full-width, and emoji. */
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18d08}\u{1b000}-\u{1b2ff}\u{1f1e6}-\u{1f1ff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;

/** A text that may be logged: without the user, password or token of a URL, and without whole phone numbers (E.164, or ten and more digits). */
export function redact(text: string): string {
  return text
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/]*@/gi, '$1***@')
    .replace(/([?&](?:password|token|api_?key)=)[^&\s]+/gi, '$1***')
    .replace(/\+\d{7,15}(?!\d)|(?<![\w.-])\d{10,15}(?![\w-])/g, maskPhone);
}
