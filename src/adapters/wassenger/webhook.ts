import type { Incoming } from '../../core/incoming.ts';
import { isSigned } from '../../core/secret.ts';
import type { EpochMs } from '../../core/units.ts';
import type { Webhook } from '../../ports/provider.ts';
import { canBeEdited, wordsOf } from './api-words.ts';
import { isFields } from './body.ts';
import { deviceOf, isPersonal, messageNameOf, nameOf, textOf, timeOf } from './event-fields.ts';
import { directionOf, flatten } from './event-shape.ts';
import { readDelivery, stateOf } from './webhook-delivery.ts';
import { readReaction } from './webhook-reaction.ts';
import { senderOf } from './who.ts';

/** Where a listener takes the calls. */
export const PATH = '/webhooks/wassenger';
/** The same with the secret, as people are told it. */
export const SHOWN_PATH = `${PATH}/<WASSENGER_WEBHOOK_SECRET>`;

/** The longest text of a contact that is kept: it fits the narrowest text column (64 KB) whatever the script. */
const LONGEST_REPLY = 16_000;

/** What a person may have written, and what tells only of our own messages or of something else. */
const ABOUT_MESSAGES = /^(message:(?!out:)|$)/;

/** Events that are known, and tell nothing about a message of ours or a contact's answer. */
const OTHERS = new Set([
  'message:out:new',
  'message:out:retry',
  'number:session',
  'status:update',
  'device:status:update',
  'channel:in',
  'group:update',
  'chat:update',
  'contact:update',
]);

type Fields = Record<string, unknown>;

/** The webhook, under an address that holds a secret; where a signing secret is set, every call must be signed with it. */
export function wassengerWebhook({ secret, signingSecret }: { secret: string; signingSecret: string | null }): Webhook {
  return {
    ...{ path: PATH, secret, shown: SHOWN_PATH, challenge: null, read: readWebhook },
    isGenuine: (body, header) => signingSecret === null || isSigned(body, header('x-wassenger-signature'), signingSecret),
  };
}

/**
 * The facts in the parsed body of a webhook call, in their order: one object (known by the WhatsApp id) or an array of them (known by the
 * provider's id), flat or nested. Whatever it is, there is one fact for each part of it: `ignored` where it means nothing to us, `strange`
 * where it may and cannot be read; never throws. `now` stands in for times that are missing or absurd.
 */
export function readWebhook(body: unknown, now: EpochMs): Incoming[] {
  return (Array.isArray(body) ? body : [body]).map((event) =>
    isFields(event) ? readEvent(flatten(event), now) : { kind: 'strange', event: '', reason: 'it is no object' },
  );
}

function readEvent(event: Fields, now: EpochMs): Incoming {
  const name = nameOf(event.event) ?? '';
  if (OTHERS.has(name)) return { kind: 'ignored', event: name, reason: 'it is about something else' };
  const data = isFields(event.data) ? event.data : {};
  switch (name) {
    case 'message:in:new':
      return data.type === 'reaction' ? readReaction(event, data, now) : readReply(event, data, now);
    case 'message:update':
      return readUpdate(event, data, now);
    case 'message:reaction':
      return readReaction(event, data, now);
    case 'message:out:ack':
    case 'message:out:sent':
    case 'message:out:delivered':
    case 'message:out:read':
    case 'message:out:failed':
    case 'message:out:expired':
    case 'message:out:removed':
      return readDelivery(event, data, now);
    default:
      return { kind: ABOUT_MESSAGES.test(name) ? 'strange' : 'ignored', event: name, reason: 'its name is unknown' };
  }
}

/** Edits, votes and attendance: what a contact changed is read as what they wrote, and what tells how far ours has come as such. */
function readUpdate(event: Fields, data: Fields, now: EpochMs): Incoming {
  const direction = directionOf(event, data);
  if (direction === 'out' && typeof stateOf(event, data) === 'string') return readDelivery(event, data, now);
  if (direction === 'in' && canBeEdited(data) && 'text' in wordsOf(data)) return readReply(event, data, now);
  return { kind: 'ignored', event: 'message:update', reason: 'it is about something else' };
}

function readReply(event: Fields, data: Fields, now: EpochMs): Incoming {
  const name = String(event.event);
  const ignored = (reason: string): Incoming => ({ kind: 'ignored', event: name, reason });
  const strange = (reason: string): Incoming => ({ kind: 'strange', event: name, reason });
  const direction = directionOf(event, data);
  if (direction === 'out') return ignored('the line itself wrote it');
  if (!isPersonal(data)) return ignored('it is not from a chat with one person');
  const said = wordsOf(data);
  if ('notice' in said) return ignored('it is no message that a person wrote');
  const who = senderOf(data);
  if (who === null || direction === null) return strange('it does not say from whom it is');
  const edited = name === 'message:update' || data.editedAt != null || data.originalWid != null;
  const waId = messageNameOf(data.originalWid) ?? messageNameOf(data.id) ?? messageNameOf(event.id);
  if (waId === null) return strange('it has no id');
  if ('unread' in said) return strange(`it has no words where they are looked for (type ${textOf(data.type, 40) || 'unknown'})`);
  return {
    kind: 'reply',
    waId,
    ...who,
    text: textOf(said.text, LONGEST_REPLY),
    ...(said.choices !== undefined && { choices: said.choices.map((choice) => textOf(choice, LONGEST_REPLY)) }),
    ...(edited && { edited }),
    at: timeOf([...(edited ? [data.editedAt] : []), data.timestamp, data.date, event.created, event.date], now),
    device: deviceOf(event.device, data.device),
    quoted: messageNameOf(data.quoted),
  };
}
