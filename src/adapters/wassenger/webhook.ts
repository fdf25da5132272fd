import type { DeliveryState, IgnoredEvent, Incoming } from '../../core/incoming.ts';
import type { EpochMs } from '../../core/units.ts';
import { isFields } from './body.ts';
import { deviceOf, idsOf, isPersonal, nameOf, phoneOf, textOf, timeOf } from './event-fields.ts';
import { failureOf } from './find-message.ts';
import { readReaction } from './webhook-reaction.ts';

/** The longest text of a contact that is kept: it fits the narrowest text column (64 KB) whatever the script. */
const LONGEST_REPLY = 16_000;

/** What a person writes, says, shows or chooses. System notices, calls and what was deleted are no replies. */
const WRITTEN = new Set(
  'text chat image video gif audio ptt voice document file sticker location contact contacts vcard poll list_response buttons_response button_reply interactive'.split(
    ' ',
  ),
);

/** How far each `ack` says a message has come; `pending` says nothing. */
const ACKS: Record<string, DeliveryState> = {
  sent: 'sent',
  delivered: 'delivered',
  read: 'read',
  readed: 'read',
  played: 'read',
  failed: 'failed',
  error: 'failed',
};

/** Events that are known, and tell nothing about a message of ours or a contact's answer. */
const OTHERS = new Set([
  'message:out:new',
  'message:out:retry',
  'message:update',
  'number:session',
  'status:update',
  'device:status:update',
  'channel:in',
  'group:update',
  'chat:update',
  'contact:update',
]);

type Fields = Record<string, unknown>;

/**
 * The facts in the parsed body of a webhook call, in their order: one object (known by the WhatsApp id) or an array of them (known by the
 * provider's id). Whatever it is, there is one fact for each part of it, `ignored` at worst; never throws. `now` stands in for times that are missing or absurd.
 */
export function readWebhook(body: unknown, now: EpochMs): Incoming[] {
  return (Array.isArray(body) ? body : [body]).map((event) =>
    isFields(event) ? readEvent(event, now) : { kind: 'ignored', event: '', reason: 'it is no object' },
  );
}

function readEvent(event: Fields, now: EpochMs): Incoming {
  const name = nameOf(event.event) ?? '';
  const data = isFields(event.data) ? event.data : {};
  switch (name) {
    case 'message:in:new':
      return data.type === 'reaction' ? readReaction(event, data, now) : readReply(event, data, now);
    case 'message:reaction':
      return readReaction(event, data, now);
    case 'message:out:ack':
      return readAck(event, data, now);
    case 'message:out:sent':
      return readDelivery('sent', event, data, now);
    case 'message:out:failed':
    case 'message:out:expired':
    case 'message:out:removed':
      return readDelivery('failed', event, data, now);
    default:
      return ignored(name, OTHERS.has(name) ? 'it is about something else' : 'its name is unknown');
  }
}

function readReply(event: Fields, data: Fields, now: EpochMs): Incoming {
  const name = 'message:in:new';
  if ((data.flow !== undefined && data.flow !== 'inbound') || data.fromMe === true) return ignored(name, 'the line itself wrote it');
  if (!isPersonal(data)) return ignored(name, 'it is not from a chat with one person');
  if (data.type !== undefined && !WRITTEN.has(String(data.type))) return ignored(name, 'it is no message that a person wrote');
  const chat = isFields(data.chat) ? data.chat : {};
  const contact = isFields(chat.contact) ? chat.contact : {};
  const phone = phoneOf(data.fromNumber, data.from, contact.phone, chat.id);
  if (phone === null) return ignored(name, 'it does not say from which number it is');
  const waId = nameOf(data.id) ?? nameOf(event.id);
  if (waId === null) return ignored(name, 'it has no id');
  const media = isFields(data.media) ? data.media : {};
  const written = [data.body, data.caption, media.caption].find((text) => typeof text === 'string' && text !== '');
  const quoted = isFields(data.quoted) ? (data.quoted.id ?? data.quoted.waId) : data.quoted;
  return {
    kind: 'reply',
    waId,
    phone,
    text: textOf(written, LONGEST_REPLY),
    at: timeOf([data.timestamp, data.date, event.created, event.date], now),
    device: deviceOf(event.device, data.device),
    quoted: nameOf(quoted),
  };
}

function readAck(event: Fields, data: Fields, now: EpochMs): Incoming {
  const state = [data.ack, event.ack].map((ack) => (typeof ack === 'string' && Object.hasOwn(ACKS, ack) ? ACKS[ack] : undefined));
  const known = state.find((found) => found !== undefined);
  if (data.flow === 'inbound') return ignored('message:out:ack', 'it is about a message of the contact');
  if (known === undefined) return ignored('message:out:ack', 'it does not say how far the message has come');
  return readDelivery(known, event, data, now);
}

function readDelivery(state: DeliveryState, event: Fields, data: Fields, now: EpochMs): Incoming {
  const named = idsOf(data.id, data.waId, event.entityId);
  // An event of an array may have an id of its own.
  const ids = named.waId === null && named.providerId === null ? idsOf(event.id) : named;
  if (ids.waId === null && ids.providerId === null) return ignored(String(event.event), 'it does not say which message it is about');
  // The message's own `timestamp` and `date` are when it was written, not when it came so far.
  const at = timeOf([data[`${state}At`], event.created, event.date], now);
  return {
    kind: 'delivery',
    ids,
    state,
    at,
    failure: state === 'failed' ? failureOf({ status: endOf(event), failureReason: data.failureReason ?? data.error }, '') : null,
    phone: phoneOf(data.phone, data.toNumber, data.wid, data.to),
    reference: nameOf(data.reference),
    device: deviceOf(event.device, data.device),
  };
}

/** How a message ended that did not arrive: failed, expired or removed. */
function endOf({ event }: Fields): string {
  return event === 'message:out:expired' ? 'expired' : event === 'message:out:removed' ? 'removed' : 'failed';
}

function ignored(event: string, reason: string): IgnoredEvent {
  return { kind: 'ignored', event, reason };
}
