import type { Finding } from '../../core/outcome.ts';
import { samePhone, toE164 } from '../../core/phone.ts';
import { codeOf, complaintOf, idOf, isFields, quote, readJson } from './body.ts';
import { detailOf, type Reading, reasonOf } from './classify.ts';
import { deviceOf } from './event-fields.ts';
import type { Exchange } from './exchange.ts';
import { otherName } from './who.ts';

/** Messages asked for in one look-up: the provider's own default. A full page may hide more. */
export const PAGE_SIZE = 20;

const FAILED = new Set(['failed', 'expired', 'removed', 'invalid']);
const FAILED_DELIVERY = new Set(['failed', 'cancelled', 'revoked']);
/** 4xx that may be gone with the next try; after any other the provider is there, and asking again would change nothing. */
export const TRANSIENT = new Set([408, 425, 429]);
/** The key or the plan is refused: nothing was looked up, and nothing else would be. */
export const BARS = new Set([401, 402]);

/** The message a look-up is for. */
export interface Wanted {
  reference: string;
  phone: string;
  /** Null when it is not known on which line it went. */
  line: string | null;
}

/** What the end of a look-up proves about `wanted`. The list is compared on our side: whether the provider's filter is exact is not known. */
export function classifyLookUp(ended: Exchange, wanted: Wanted, reading: Reading): Finding {
  if (ended.kind !== 'answered') return { kind: 'unsure', reason: `no answer: ${detailOf(ended, reading.secret)}`, reachable: false };
  const { status, text } = ended.answer;
  const json = readJson(text);
  if (status < 200 || status > 299) {
    const reason = reasonOf(status, complaintOf(json, reading.secret));
    if (BARS.has(status)) return { kind: 'barred', code: `http:${status}`, reason };
    return { kind: 'unsure', reason, reachable: status >= 400 && status < 500 && !TRANSIENT.has(status) };
  }
  const list = listIn(json);
  if (list === undefined) return { kind: 'unsure', reason: 'the list of messages could not be read', reachable: false };
  return findMessage(list, wanted, reading.secret);
}

/**
 * Looks for one message in a list: its reference exactly, its number and its line. Of several, one that has not failed counts. A message
 * that might be ours (another number or line under our reference, no reference shown, or a full page of strangers) leaves us unsure.
 */
export function findMessage(list: Record<string, unknown>[], wanted: Wanted, secret: string): Finding {
  const ours = list.filter((item) => item.reference === wanted.reference);
  const matching = ours.filter((item) => isNumber(item, wanted.phone) === true && isLine(item, wanted.line) !== false);
  const found = matching.map((item) => foundIn(item, secret));
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

function foundIn(item: Record<string, unknown>, secret: string): Extract<Finding, { kind: 'found' }> {
  return {
    kind: 'found',
    providerId: idOf(item.id, secret),
    whatsappId: idOf(item.waId, secret),
    ...(deviceOf(item.device) !== null && { line: deviceOf(item.device) }),
    ...otherName(item),
    failure: hasFailed(item) ? failureOf(item, secret) : null,
  };
}

/** True for a message that was accepted and then failed at the provider. */
export function hasFailed({ status, deliveryStatus }: Record<string, unknown>): boolean {
  return FAILED.has(String(status)) || FAILED_DELIVERY.has(String(deliveryStatus));
}

/** Why a message that was accepted did not arrive, from the item of a list or an event. */
export function failureOf(item: Record<string, unknown>, secret: string): { code: string; reason: string } {
  const state = FAILED.has(String(item.status)) ? item.status : item.deliveryStatus;
  const words = quote(item.failureReason, secret);
  return {
    code: codeOf(item.failureReason, secret) ?? `message:${state}`,
    reason: `accepted, then ${state} at the provider${words === '' ? '' : `: ${words}`}`,
  };
}

/** Whether a listed message went to `phone`; undefined when it does not say. */
export function isNumber({ phone, wid }: Record<string, unknown>, wanted: string): boolean | undefined {
  if (typeof phone === 'string' && toE164(phone) !== undefined) return samePhone(phone, wanted);
  const digits = typeof wid === 'string' ? /^(\d+)@(c\.us|s\.whatsapp\.net)$/.exec(wid)?.[1] : undefined;
  return digits === undefined ? undefined : samePhone(digits, wanted);
}

/** Whether a listed message is on `line`; undefined when it does not say. */
function isLine({ device }: Record<string, unknown>, line: string | null): boolean | undefined {
  if (line === null) return undefined;
  const id = isFields(device) ? device.id : device;
  return typeof id === 'string' ? id === line : undefined;
}

function unsure(reason: string): Finding {
  return { kind: 'unsure', reason, reachable: true };
}
