/** A text as every database takes it: no NUL (PostgreSQL refuses it), no half surrogate pairs, at most `longest` characters. */
export function storedText(text: string, longest = Number.POSITIVE_INFINITY): string {
  const clean = text.replace(/\0/g, '').replace(/\p{Surrogate}/gu, '\ufffd');
  return clean.length <= longest ? clean : [...clean].slice(0, longest).join('');
}

/** The longest text of a column that refuses ours: 255 is what existing databases have. */
const LONGEST_PLAIN = 255;

/** The same in plain ASCII and short, for a column that refuses ours for a reason that is not known. */
export function plainText(text: string): string {
  return storedText(text, LONGEST_PLAIN).replace(/[^\n -~]/gu, '?');
}
