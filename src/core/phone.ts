/** A number in E.164: `+` and 7 to 15 digits, no spaces. */
export type Phone = string;

/**
 * A number as a database holds it (with or without `+` or `00`, with spaces, dots, dashes, slashes, parentheses or invisible marks) in
 * E.164. `undefined` when it cannot be one: letters, a leading zero, fewer than 7 or more than 15 digits (the bounds of E.164).
 */
export function toE164(stored: string): Phone | undefined {
  // Most are written so already, and there may be a million of them.
  if (PLAIN.test(stored)) return stored.startsWith('+') ? stored : `+${stored}`;
  const text = stored.normalize('NFKC').replace(/[\s().\-/\p{Pd}\p{Cf}]/gu, '');
  const digits = text.replace(/^(\+|00)/, '');
  return PLAIN.test(digits) && !digits.startsWith('+') ? `+${digits}` : undefined;
}

const PLAIN = /^\+?[1-9]\d{6,14}$/;

/** True when two spellings of a number are the same number. */
export function samePhone(a: string, b: string): boolean {
  const left = toE164(a);
  return left !== undefined && left === toE164(b);
}

/** A number that may be written to a log or an error: the first four and the last two characters, the rest hidden. */
export function maskPhone(phone: string): string {
  if (phone.length <= 6) return '*'.repeat(phone.length);
  return `${phone.slice(0, 4)}${'*'.repeat(phone.length - 6)}${phone.slice(-2)}`;
}
