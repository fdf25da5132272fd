/** A text as every database takes it: no NUL (PostgreSQL refuses it), no half surrogate pairs, at most `longest` characters. */
export function storedText(text: string, longest = Number.POSITIVE_INFINITY): string {
  const clean = text.replace(/\0/g, '').replace(/\p{Surrogate}/gu, '\ufffd');
  return clean.length <= longest ? clean : [...clean].slice(0, longest).join('');
}

/** The same in plain ASCII, for a column that holds nothing else. */
export function plainText(text: string, longest: number): string {
  return storedText(text, longest).replace(/[^\n -~]/gu, '?');
}
