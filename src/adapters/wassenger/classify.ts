import type { Outcome } from '../../core/outcome.ts';
import { type EpochMs, HOUR, type Milliseconds, SECOND } from '../../core/units.ts';
import { acceptanceOf, type Sent } from './acceptance.ts';
import { type Complaint, complaintOf, quote, readJson } from './body.ts';
import { topicOf } from './codes.ts';
import type { Answer, Exchange } from './exchange.ts';

/** The longest wait that a `Retry-After` may ask for. */
const RETRY_AFTER_LIMIT: Milliseconds = 24 * HOUR;

/** Fields that differ from one recipient to the next: a complaint about them must not stop the campaign for everybody else. */
const RECIPIENT_FIELDS = new Set(['phone', 'message']);
/** Our key, plan or permission is refused: whatever else the answer says, it says nothing about a message or a recipient. */
export const REFUSES_US = new Set([401, 402, 403]);
/** Other statuses with which every further send would meet: address, form of the request. */
const BARRED = new Set([404, 405, 406, 407, 410, 411, 414, 415, 421, 426, 431, 451]);
/** Statuses after which the message may nevertheless have been taken. */
const PERHAPS_TAKEN = new Set([408, 409]);

const MEANING: Record<number, string> = {
  401: 'the API key is refused',
  402: 'the plan or its credit does not allow sending',
  403: 'the API key or the plan may not send on this device',
  404: 'there is no such device or address: check the device id and the base URL',
  408: 'the server did not get the request in time',
  409: 'the server reports a conflict',
  413: 'the message is too large',
  503: 'the device is offline, or the service is',
};

/** What reading an answer needs besides it: the time (for dates), and the key, which must never show. */
export interface Reading {
  now: EpochMs;
  secret: string;
}

/**
 * What an answer to a send proves. Never throws, whatever the server sent.
 *
 * | answer | outcome | confidence |
 * |---|---|---|
 * | 2xx with the provider's id, our reference where it shows one, and no word of a failure | accepted | high (queued, not yet delivered) |
 * | any other 2xx | unknown, unexpected | our caution: an error, another's message, a page of a proxy |
 * | 401, 402, 403, whatever else they say | barred | high; three clients treat 403 like a refused key |
 * | 4xx with a recipient code, or a complaint about `phone` or `message` alone | rejected | high for the codes, likely that /messages uses them |
 * | 3xx; 404, 405, 410, 415, 451 and other refusals of the request's form | barred | high |
 * | 4xx with `device:*`, `queue:*`, `media:*`, `file:*`, `message:forbidden*`, `waba:error`, Meta's codes of that kind, or a complaint about another field | barred | high |
 * | 429; 400 with one of Meta's codes for too many calls | throttled, `Retry-After` honoured | that 429 exists: high; that it carries the header: unknown |
 * | 408, 409 | unknown | our caution |
 * | any other 4xx (400, 413, 425, …) | rejected | our judgement: a refusal, and the breaker stops the run when it is everybody's |
 * | 503 | unknown, offline | seen on another address of the API |
 * | any other 5xx or unheard-of status | unknown | a 502 with a delivery was reported by a third party |
 */
export function classifyAnswer(answer: Answer, sent: Sent, reading: Reading): Outcome {
  const { status } = answer;
  const { secret } = reading;
  const json = readJson(answer.text);
  if (status >= 200 && status < 300) return acceptanceOf(answer, sent, secret);
  const complaint = complaintOf(json, secret);
  const reason = reasonOf(status, complaint);
  const tooFast = status === 400 && complaint.codes.some((code) => topicOf(code) === 'pace');
  if (status === 429 || tooFast) return { kind: 'throttled', retryAfterMs: retryAfter(answer.headers['retry-after'], reading.now), reason };
  if (status >= 300 && status < 500) return classifyRefusal(status, complaint, reason);
  return { kind: 'unknown', code: `http:${status}`, reason, offline: status === 503 };
}

/** What the end of a send proves: its answer, or how it failed. A call that failed once bytes may have left is unknown, whatever the error. */
export function classifyExchange(ended: Exchange, sent: Sent, reading: Reading): Outcome {
  switch (ended.kind) {
    case 'answered':
      return classifyAnswer(ended.answer, sent, reading);
    case 'unsent':
      return { kind: 'unavailable', code: ended.code, reason: `not sent: ${detailOf(ended, reading.secret)}` };
    case 'lost':
      return { kind: 'unknown', code: ended.code, reason: `the answer was lost: ${detailOf(ended, reading.secret)}`, offline: false };
  }
}

/** An error of the connection in words, with its code, without the key. */
export function detailOf({ code, detail }: { code: string; detail: string }, secret: string): string {
  const words = quote(detail, secret);
  return words === '' ? code : words.includes(code) || code === 'late' ? words : `${words} (${code})`;
}

/** The status in words, followed by the provider's own. */
export function reasonOf(status: number, { message }: Pick<Complaint, 'message'>): string {
  const meaning =
    MEANING[status] ?? (status >= 300 && status < 400 ? 'the server redirects to another address: check the base URL' : undefined);
  return `${meaning === undefined ? `the server answered ${status}` : `${meaning} (${status})`}${message === '' ? '' : `: ${message}`}`;
}

/**
 * The wait that a `Retry-After` asks for: seconds or an HTTP date, 0 to 24 h. Null when there is none or it makes no sense.
 */
export function retryAfter(header: string | undefined, now: EpochMs): Milliseconds | null {
  const text = header?.trim() ?? '';
  let wait = Number.NaN;
  if (/^-?\d+(\.\d+)?$/.test(text)) wait = Number(text) * SECOND;
  else if (/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) wait = Date.parse(text) - now;
  return Number.isNaN(wait) ? null : Math.round(Math.min(Math.max(0, wait), RETRY_AFTER_LIMIT));
}

function classifyRefusal(status: number, { codes, fields }: Complaint, reason: string): Outcome {
  const aboutLine = codes.find((code) => topicOf(code) === 'line');
  const aboutRecipient = codes.find((code) => topicOf(code) === 'recipient');
  if (status >= 400 && !REFUSES_US.has(status) && aboutLine === undefined && aboutRecipient !== undefined) {
    return { kind: 'rejected', code: aboutRecipient, reason };
  }
  const code = aboutLine ?? codes[0] ?? `http:${status}`;
  if (status < 400 || REFUSES_US.has(status) || BARRED.has(status) || aboutLine !== undefined) return { kind: 'barred', code, reason };
  if (PERHAPS_TAKEN.has(status) || codes.some((one) => topicOf(one) === 'unknown'))
    return { kind: 'unknown', code: `http:${status}`, reason, offline: false };
  const ofRequest = fields.find((field) => !RECIPIENT_FIELDS.has(field));
  if (ofRequest !== undefined) return { kind: 'barred', code, reason: `${reason} (field ${ofRequest.slice(0, 40)})` };
  return { kind: 'rejected', code, reason };
}
