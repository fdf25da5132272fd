import { maskPhone } from '../../core/phone.ts';
import { metaCodesIn } from './codes.ts';

/** The most of the provider's own words that a reason quotes. */
const QUOTE_LIMIT = 200;
/** A shorter text is no key (they have 30 to 200 characters), and may well be part of an honest id. */
const SHORTEST_KEY = 8;

type Fields = Record<string, unknown>;

/** An answer's body as JSON, or undefined when it is none (HTML, empty, cut). */
export function readJson(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The object an answer is about: itself, the only element of an array, or what lies under `data`. An empty object when there is none. */
export function subject(json: unknown): Fields {
  const value = Array.isArray(json) ? json[0] : json;
  if (!isFields(value)) return {};
  const data = Array.isArray(value.data) ? value.data[0] : value.data;
  return isFields(data) && value.id === undefined ? { ...value, ...data } : value;
}

/** True for a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A name that the provider gave to something, or null when it is none that a database could hold (1 to 255 characters), or shows the key. */
export function idOf(value: unknown, secret: string): string | null {
  const id = typeof value === 'number' ? String(value) : value;
  return typeof id === 'string' && id !== '' && id.length <= 255 && !shows(id, secret) ? id : null;
}

/** A code such as `phone:invalid` or `max_retries` in lower case, or undefined when the value is none. */
export function codeOf(value: unknown, secret: string): string | undefined {
  const isCode = typeof value === 'string' && value.length <= 80 && /^[a-z][\w.-]*(:[\w.-]+)*$/i.test(value);
  return isCode && !shows(value, secret) ? value.toLowerCase() : undefined;
}

/** What an error body says: its codes (`phone:invalid`, first the body's own; then Meta's, such as `131047`), the fields it complains of, and its words. */
export interface Complaint {
  codes: string[];
  fields: string[];
  message: string;
}

/** Reads an error body: `{errorCode, message, errors: [{code, path, message}]}`, with the variations that were seen. */
export function complaintOf(json: unknown, secret: string): Complaint {
  const body = subject(json);
  const items = Array.isArray(body.errors) ? body.errors.filter(isFields) : [];
  const all = [body, ...(isFields(body.error) ? [body.error] : []), ...items];
  const said = all.flatMap((part) => [part.errorCode, part.code, part.error, part.message, part.reason]);
  const codes = all.flatMap((part) => [part.errorCode, part.code, part.error, compound(part.message), compound(part.reason)]);
  const fields = items.flatMap((item) => [item.path, item.field].flat()).map((field) => quote(field, secret));
  const words = all.flatMap((part) => [part.message, part.reason, part.error]).find((text) => typeof text === 'string' && text !== '');
  return {
    codes: [...codes.map((code) => codeOf(code, secret)).filter((code) => code !== undefined), ...said.flatMap(metaCodesIn)],
    fields: fields.filter((field) => field !== ''),
    message: quote(words, secret),
  };
}

/**
 * Words of the provider on one line: no key, no markup, no whole phone number, at most 200 characters. Empty when they are no text. An empty
 * `secret` is none.
 */
export function quote(words: unknown, secret: string): string {
  if (typeof words !== 'string') return '';
  const line = (secret === '' ? words : words.replaceAll(secret, '***'))
    .slice(0, 20 * QUOTE_LIMIT)
    .replace(/<[^<>]*>|[<>]/g, ' ')
    .replace(/[\s\p{Cc}\p{Cf}\p{Cs}]+/gu, ' ')
    .replace(/(?<![\w.])\+?\d{8,15}(?!\w)/g, maskPhone)
    .trim();
  return line.length <= QUOTE_LIMIT ? line : `${line.slice(0, QUOTE_LIMIT - 1)}…`;
}

/** A text that is a code although it stands where words are expected; plain words have no colon inside. */
function compound(value: unknown): unknown {
  return typeof value === 'string' && value.includes(':') ? value : undefined;
}

function shows(text: string, secret: string): boolean {
  return secret.length >= SHORTEST_KEY && text.includes(secret);
}
