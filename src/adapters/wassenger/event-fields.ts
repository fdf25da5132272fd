import { type Phone, toE164 } from '../../core/phone.ts';
import { type EpochMs, HOUR, SECOND } from '../../core/units.ts';
import { isFields } from './body.ts';

/** Older than WhatsApp itself: no time, but a mistake. */
const EARLIEST: EpochMs = Date.UTC(2009, 0);
/** How far another clock may be ahead of ours. */
const TOLERANCE = 24 * HOUR;
/** Numbers below this are seconds; in milliseconds it would be 1973. */
const LARGEST_SECONDS = 1e11;
/** Ends the id of a chat that is not with one person: a group, a channel, a status or a broadcast list. */
const NOT_A_PERSON = /@(g\.us|newsletter|broadcast)$/;
const PROVIDER_ID = /^[0-9a-f]{24}$/;

type Fields = Record<string, unknown>;

/**
 * The first of some values that is a plausible time (seconds, milliseconds, or ISO 8601, which is UTC unless it says otherwise); else `now`.
 * Where it is in whole seconds and another one lies within that second, that one is taken: an answer must not seem older than what it answers.
 */
export function timeOf(values: unknown[], now: EpochMs): EpochMs {
  const times = values.map(toTime).filter((at) => at >= EARLIEST && at <= now + TOLERANCE);
  const [first] = times;
  if (first === undefined) return now;
  return first % SECOND === 0 ? Math.max(...times.filter((at) => at >= first && at < first + SECOND)) : first;
}

/** An id as a database can hold it: 1 to 255 characters, none of them invisible; null for everything else. */
export function nameOf(value: unknown): string | null {
  return typeof value === 'string' && value.length <= 255 && /^[^\p{Cc}\p{Cs}]+$/u.test(value) ? value : null;
}

/** The id of a message that is named together with its chat (`true_15550111@c.us_3EB0AA11`), or by itself. */
export function messageNameOf(value: unknown): string | null {
  const named = isFields(value) ? [value.wid, value.waId, value.id] : [value];
  const name = named.map(nameOf).find((id) => id !== null) ?? null;
  return name?.replace(/^(true|false)_[^_]+_([^_]+)(_.*)?$/, '$2') ?? null;
}

/** The ids of a message: the provider's has 24 hex digits in lower case, and every other is WhatsApp's. */
export function idsOf(...values: unknown[]): { waId: string | null; providerId: string | null } {
  const names = values.map(nameOf).filter((name) => name !== null);
  return {
    waId: names.find((name) => !PROVIDER_ID.test(name)) ?? null,
    providerId: names.find((name) => PROVIDER_ID.test(name)) ?? null,
  };
}

/** The id of a device that is given as itself or as an object. */
export function deviceOf(...values: unknown[]): string | null {
  return values.map((value) => nameOf(isFields(value) ? value.id : value)).find((id) => id !== null) ?? null;
}

/** The first of some values that is a number, in E.164: a number as such, or the id of a chat with one. */
export function phoneOf(...values: unknown[]): Phone | null {
  return values.map(toPhone).find((phone) => phone !== undefined) ?? null;
}

/** Whether a message stands in a chat with one person. */
export function isPersonal({ chat, from, to, meta }: Fields): boolean {
  const { id, type } = isFields(chat) ? chat : { id: chat, type: undefined };
  if (typeof type === 'string' && /^(group|channel|broadcast|status)/.test(type)) return false;
  if (isFields(meta) && meta.isGroup === true) return false;
  return [id, from, to].every((wid) => typeof wid !== 'string' || !NOT_A_PERSON.test(wid));
}

/** A text as every database can hold it, at most `limit` characters; empty when the value is none. */
export function textOf(value: unknown, limit: number): string {
  if (typeof value !== 'string') return '';
  return value
    .replaceAll('\0', '')
    .slice(0, limit)
    .replace(/\p{Cs}/gu, '\ufffd');
}

function toTime(value: unknown): EpochMs {
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value)) {
    return Math.floor(Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`));
  }
  const number = typeof value === 'string' && /^\d{9,14}$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number') return Number.NaN;
  return Math.floor(number < LARGEST_SECONDS ? number * SECOND : number);
}

function toPhone(value: unknown): Phone | undefined {
  if (typeof value !== 'string' || value.length > 60) return undefined;
  return toE164(value.replace(/(:\d+)?@(c\.us|s\.whatsapp\.net)$/, ''));
}
