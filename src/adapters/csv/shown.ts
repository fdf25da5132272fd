/** A piece of a file that may be shown in a terminal: in quotes, without control characters, at most 40 characters of it. */
export function shown(text = ''): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  const characters = [...clean];
  return `"${characters.length > 40 ? `${characters.slice(0, 39).join('')}…` : clean}"`;
}
