/** Codes that concern one recipient. Source: the provider's Swagger file, `campaignContact.error`; that /messages uses them too is likely, not sure. */
const ABOUT_RECIPIENT = new Set([
  'phone:invalid',
  'number:notfound',
  'contact:blocked',
  'contact:excluded',
  'chat:cannot_send',
  'channel:forbidden',
  'channel:notfound',
]);

/** Codes that concern our line, its queue, our file or our text as a whole. Same source; `device:*` was also seen by a production client. */
const ABOUT_LINE = /^(device|media|file|queue|session):|^message:forbidden|^waba:error$/;

const numbers = (text: string) => new Set(text.trim().split(/\s+/));

/**
 * Meta's codes, which a line on the official API passes on, that are the condition of the account, the line or the template: permission,
 * restriction, display name, payment, registration, spam limit, type, free text outside the 24 hours (131047), template missing, paused
 * or disabled, terms. Source: Meta's page of error codes.
 */
const META_LINE = numbers(`
  131005 131031 131037 131042 131045 131047 131048 131051 131052 131053 131063 131064
  132001 132007 132008 132015 132016 132068 132069 133010 133016 134011`);
/** Meta's codes for too many calls or messages: wait, and go on. */
const META_PACE = numbers('130429 131056');
/** Meta's codes that say nothing about whether the message was taken. */
const META_UNKNOWN = numbers('131000 131016 131057');
/** Meta's codes for one person: not on WhatsApp, an experiment, limits and choices of theirs, a country. */
const META_RECIPIENT = numbers('130472 130497 131021 131026 131030 131049 131050 131062');

/** A number of six digits that stands by itself, as in `(#131047) Re-engagement message`. */
const META_CODE = /(?<![\w+-])1[34]\d{4}(?!\w)/g;

/** What a code is about. */
export type Topic = 'recipient' | 'line' | 'pace' | 'unknown';

/** What a code is about, or undefined when no source says it. */
export function topicOf(code: string): Topic | undefined {
  if (ABOUT_RECIPIENT.has(code) || META_RECIPIENT.has(code)) return 'recipient';
  if (ABOUT_LINE.test(code) || META_LINE.has(code)) return 'line';
  if (META_PACE.has(code)) return 'pace';
  return META_UNKNOWN.has(code) ? 'unknown' : undefined;
}

/** Meta's codes in a value: a number, or words that name one. */
export function metaCodesIn(value: unknown): string[] {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string') return [];
  return (text.slice(0, 1_000).match(META_CODE) ?? []).filter((code) => topicOf(code) !== undefined);
}
