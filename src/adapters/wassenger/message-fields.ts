import { OF_LINE } from '../../core/line-condition.ts';
import { personKey } from '../../core/person.ts';
import { toE164 } from '../../core/phone.ts';
import { codeOf, isFields, quote } from './body.ts';
import { metaCodesIn, topicOf } from './codes.ts';

const FAILED = new Set(['failed', 'expired', 'removed', 'invalid']);
const FAILED_DELIVERY = new Set(['failed', 'cancelled', 'revoked']);
/** True for a message that was accepted and then failed at the provider. */
export function hasFailed({ status, deliveryStatus }: Record<string, unknown>): boolean {
  return FAILED.has(String(status)) || FAILED_DELIVERY.has(String(deliveryStatus));
}

/**
 * Why a message that was accepted did not arrive, from the item of a list or an event. Our line's condition has a code that says so
 * (`line:131047`, `line:waba:error`), so that it is not taken for the recipient's.
 */
export function failureOf(item: Record<string, unknown>, secret: string): { code: string; reason: string } {
  const state = FAILED.has(String(item.status)) ? item.status : item.deliveryStatus;
  const why = item.failureReason ?? item.error;
  const parts = isFields(why) ? [why.code, why.message, why.details] : [why];
  const words = parts.map((part) => quote(part, secret)).find((text) => text !== '') ?? '';
  const codes = [...parts.map((part) => codeOf(part, secret)), ...parts.flatMap(metaCodesIn)].filter((code) => code !== undefined);
  const ofLine = codes.find((code) => topicOf(code) === 'line');
  return {
    code: ofLine === undefined ? (codes[0] ?? `message:${state}`) : `${OF_LINE}${ofLine}`,
    reason: `accepted, then ${state} at the provider${words === '' ? '' : `: ${words}`}`,
  };
}

/** Whether a listed message went to `phone`; undefined when it does not say. */
export function isNumber({ phone, wid }: Record<string, unknown>, wanted: string): boolean | undefined {
  if (typeof phone === 'string' && toE164(phone) !== undefined) return samePerson(phone, wanted);
  const digits = typeof wid === 'string' ? /^(\d+)@(c\.us|s\.whatsapp\.net)$/.exec(wid)?.[1] : undefined;
  return digits === undefined ? undefined : samePerson(digits, wanted);
}

/** Two spellings, or two true forms, of one person's number: WhatsApp may answer with the form that the account has. */
function samePerson(a: string, b: string): boolean {
  const [left, right] = [toE164(a), toE164(b)];
  return left !== undefined && right !== undefined && personKey(left) === personKey(right);
}
