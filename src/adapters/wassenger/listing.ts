import { THROTTLED_WAIT } from '../../core/retry-policy.ts';
import type { Listing } from '../../ports/provider.ts';
import { complaintOf, idOf, readJson } from './body.ts';
import { detailOf, REFUSES_US, type Reading, reasonOf, retryAfter } from './classify.ts';
import type { Exchange } from './exchange.ts';
import { listIn, PAGE_SIZE, TRANSIENT } from './find-message.ts';
import { hasFailed, isNumber } from './message-fields.ts';

/**
 * What an answer says of the messages under one reference, however many. Compared on our side, as a look-up is: a stranger's number under our
 * reference, a message to our number that shows no reference, or a full page, and it is unclear.
 */
export function classifyListing(ended: Exchange, wanted: { reference: string; phone: string }, { now, secret }: Reading): Listing {
  if (ended.kind !== 'answered') return { kind: 'later', reason: `no answer: ${detailOf(ended, secret)}`, waitMs: null };
  const { status, headers, text } = ended.answer;
  const json = readJson(text);
  if (status < 200 || status > 299) {
    const reason = reasonOf(status, complaintOf(json, secret));
    if (REFUSES_US.has(status)) return { kind: 'barred', reason };
    if (status === 429) return { kind: 'later', reason, waitMs: retryAfter(headers['retry-after'], now) ?? THROTTLED_WAIT };
    return status >= 500 || TRANSIENT.has(status) ? { kind: 'later', reason, waitMs: null } : { kind: 'unclear', reason, refused: true };
  }
  const list = listIn(json);
  if (list === undefined) return { kind: 'later', reason: 'the list of messages could not be read', waitMs: null };
  const ours = list.filter(({ reference }) => reference === wanted.reference);
  if (ours.some((item) => isNumber(item, wanted.phone) === false)) return unclear('a message with this reference has another number');
  if (list.some((item) => typeof item.reference !== 'string' && isNumber(item, wanted.phone) !== false)) {
    return unclear('a message to this number shows no reference');
  }
  if (list.length >= PAGE_SIZE) return unclear('the provider lists more messages than fit one page');
  const messages = ours.map((item) => ({ id: idOf(item.id, secret), whatsappId: idOf(item.waId, secret), failed: hasFailed(item) }));
  return { kind: 'listed', messages };
}

function unclear(reason: string): Listing {
  return { kind: 'unclear', reason, refused: false };
}
