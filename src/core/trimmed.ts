/**
 * Invisible characters at the ends of a text: white space, control characters, marks without width (zero-width space, byte order mark,
 * direction marks) and the fillers that some keyboards type as an empty name.
 */
const INVISIBLE = /[\s\p{Cc}\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0]/u;

/** Any character that is seen. What joins or colours others (variation selectors, tags) is none, yet stays at the end of an emoji. */
const VISIBLE = /[^\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** The text without invisible characters at its ends; empty where nothing in it can be seen. */
export function trimmed(text: string): string {
  let [begin, end] = [0, text.length];
  while (begin < end && INVISIBLE.test(text.charAt(begin))) begin++;
  while (begin < end && INVISIBLE.test(text.charAt(end - 1))) end--;
  const rest = text.slice(begin, end);
  return VISIBLE.test(rest) ? rest : '';
}
