import type { Finding } from '../../core/outcome.ts';
import { THROTTLED_WAIT } from '../../core/retry-policy.ts';
import { type EpochMs, type Milliseconds, SECOND } from '../../core/units.ts';
import { complaintOf, idOf, isFields, readJson } from './body.ts';
import { detailOf, REFUSES_US, type Reading, reasonOf, retryAfter } from './classify.ts';
import { deviceOf } from './event-fields.ts';
import type { Exchange } from './exchange.ts';
import { failureOf, hasFailed, isNumber } from './message-fields.ts';
import { otherName } from './who.ts';

/** Messages asked for in one look-up: the provider's own default. A full page may hide more. */
export const PAGE_SIZE = 20;

/** 4xx that may be gone with the next try; after any other the provider is there, and asking again would change nothing. */
export const TRANSIENT = new Set([408, 425, 429]);

/** The message a look-up is for. */
export interface Wanted {
  reference: string;
  phone: string;
  /** Null when it is not known on which line it went. */
  line: string | null;
}

/** An answer: whose key it must not quote, and when the provider sent it by its own clock (NaN where it does not say). */
interface Answer {
  secret: string;
  sentAt: EpochMs;
}

/** What the end of a look-up proves about `wanted`. The list is compared on our side: whether the provider's filter is exact is not known. */
export function classifyLookUp(ended: Exchange, wanted: Wanted, reading: Reading): Finding {
  if (ended.kind !== 'answered') return later(`no answer: ${detailOf(ended, reading.secret)}`);
  const { status, headers, text } = ended.answer;
  const json = readJson(text);
  if (status < 200 || status > 299) {
    const reason = reasonOf(status, complaintOf(json, reading.secret));
    if (REFUSES_US.has(status)) return { kind: 'barred', code: `http:${status}`, reason };
    if (status === 429) return later(reason, retryAfter(headers['retry-after'], reading.now) ?? THROTTLED_WAIT);
    if (status >= 500 || TRANSIENT.has(status)) return later(reason);
    return { kind: 'unsure', reason, reachable: status >= 400 };
  }
  const list = listIn(json);
  if (list === undefined) return later('the list of messages could not be read');
  return findMessage(list, wanted, { secret: reading.secret, sentAt: Date.parse(String(headers.date)) });
}

/**
 * Looks for one message in a list: its reference exactly, its number and its line. Of several, one that has not failed counts. A message
 * that might be ours (another number or line under our reference, no reference shown, or a full page of strangers) leaves us unsure.
 */
export function findMessage(list: Record<string, unknown>[], wanted: Wanted, answer: Answer): Finding {
  const ours = list.filter((item) => item.reference === wanted.reference);
  const matching = ours.filter((item) => isNumber(item, wanted.phone) === true && isLine(item, wanted.line) !== false);
  const found = matching.map((item) => foundIn(item, answer));
  const best = found.find(({ failure }) => failure === null) ?? found[0];
  if (best !== undefined) return best;
  if (ours.length > 0) return unsure('a message with this reference has another number or line');
  if (
    list.some((item) => typeof item.reference !== 'string' && isNumber(item, wanted.phone) !== false && isLine(item, wanted.line) !== false)
  ) {
    return unsure('a message to this number shows no reference');
  }
  if (list.length >= PAGE_SIZE) return unsure('the provider lists other messages and may hide ours');
  return { kind: 'absent' };
}

/** The messages that an answer lists, or undefined when it is no list. */
export function listIn(json: unknown): Record<string, unknown>[] | undefined {
  const list = isFields(json) ? [json.data, json.messages, json.items, json.results].find(Array.isArray) : json;
  return Array.isArray(list) && list.every(isFields) ? list : undefined;
}

function foundIn(item: Record<string, unknown>, { secret, sentAt }: Answer): Extract<Finding, { kind: 'found' }> {
  const age = sentAt + SECOND - Date.parse(String(item.createdAt));
  return {
    kind: 'found',
    providerId: idOf(item.id, secret),
    whatsappId: idOf(item.waId, secret),
    ...(deviceOf(item.device) !== null && { line: deviceOf(item.device) }),
    ...otherName(item),
    // The header counts whole seconds. Both are the provider's clock, so it does not matter what ours says.
    ...(Number.isFinite(age) && age >= 0 && { ageMs: age }),
    failure: hasFailed(item) ? failureOf(item, secret) : null,
  };
}

/** Whether a listed message is on `line`; undefined when it does not say. */
function isLine({ device }: Record<string, unknown>, line: string | null): boolean | undefined {
  if (line === null) return undefined;
  const id = isFields(device) ? device.id : device;
  return typeof id === 'string' ? id === line : undefined;
}

/** Not now; it may tell when it is asked again. */
function later(reason: string, askAgainAfterMs: Milliseconds | null = null): Finding {
  return { kind: 'unsure', reason, reachable: false, askAgainAfterMs };
}

function unsure(reason: string): Finding {
  return { kind: 'unsure', reason, reachable: true };
}
