import type { DeliveryState, Incoming } from '../../core/incoming.ts';
import type { EpochMs } from '../../core/units.ts';
import { deviceOf, idsOf, messageNameOf, nameOf, timeOf } from './event-fields.ts';
import { directionOf } from './event-shape.ts';
import { failureOf } from './message-fields.ts';
import { recipientOf } from './who.ts';

type Fields = Record<string, unknown>;

/** How far each word says that a message has come; null where it has come nowhere yet. */
const STATES: Record<string, DeliveryState | null> = {
  pending: null,
  queued: null,
  processing: null,
  sent: 'sent',
  delivered: 'delivered',
  read: 'read',
  readed: 'read',
  played: 'read',
  failed: 'failed',
  error: 'failed',
  cancelled: 'failed',
  revoked: 'failed',
};
/** The events whose name says it. */
const NAMED: Record<string, DeliveryState> = {
  'message:out:sent': 'sent',
  'message:out:delivered': 'delivered',
  'message:out:read': 'read',
  'message:out:failed': 'failed',
  'message:out:expired': 'failed',
  'message:out:removed': 'failed',
};

/** How far an event says that its message has come: null where it is still on its way, undefined where nothing says it. */
export function stateOf({ event, ack, deliveryStatus }: Fields, data: Fields): DeliveryState | null | undefined {
  const name = String(event);
  if (Object.hasOwn(NAMED, name)) return NAMED[name];
  const words = [data.ack, ack, data.deliveryStatus, deliveryStatus];
  return words
    .map((word) => (typeof word === 'string' && Object.hasOwn(STATES, word) ? STATES[word] : undefined))
    .find((state) => state !== undefined);
}

/** What became of a message of ours, or why nothing did. */
export function readDelivery(event: Fields, data: Fields, now: EpochMs): Incoming {
  const name = String(event.event);
  const state = stateOf(event, data);
  if (directionOf({}, { flow: data.flow, fromMe: data.fromMe }) === 'in')
    return { kind: 'ignored', event: name, reason: 'it is about a message of the contact' };
  if (state === null) return { kind: 'ignored', event: name, reason: 'the message has not come any further' };
  if (state === undefined) return { kind: 'strange', event: name, reason: 'it does not say how far the message has come' };
  const named = idsOf(messageNameOf(data.id), messageNameOf(data.waId), event.entityId);
  // An event of an array may have an id of its own.
  const ids = named.waId === null && named.providerId === null ? idsOf(messageNameOf(event.id)) : named;
  if (ids.waId === null && ids.providerId === null)
    return { kind: 'strange', event: name, reason: 'it does not say which message it is about' };
  // The message's own `timestamp` and `date` are when it was written, not when it came so far.
  const at = timeOf([data[`${state}At`], event.created, event.date], now);
  const acceptedAt = timeOf([data.createdAt, data.date, data.timestamp], at);
  return {
    kind: 'delivery',
    ids,
    state,
    at,
    ...(acceptedAt < at && { acceptedAt }),
    failure: state === 'failed' ? failureOf({ status: endOf(event), failureReason: data.failureReason ?? data.error }, '') : null,
    ...recipientOf(data),
    reference: nameOf(data.reference),
    device: deviceOf(event.device, data.device),
  };
}

/** How a message ended that did not arrive: failed, expired or removed. */
function endOf({ event }: Fields): string {
  if (event === 'message:out:expired') return 'expired';
  return event === 'message:out:removed' ? 'removed' : 'failed';
}
