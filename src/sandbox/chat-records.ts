import type { EpochMs } from '../core/units.ts';
import type { ContactEvent } from './events.ts';
import type { Wording } from './faults.ts';
import { chatWith, fromContact, toContact } from './identity.ts';
import { type MessageState, stateOf } from './message-state.ts';
import { LINE_PHONE, widOf } from './records.ts';
import type { TakenMessage } from './taken-message.ts';

type Fields = Record<string, unknown>;

/** A message of ours as a chat's history and the events about it show it: known by its WhatsApp id; only the events add our reference. */
export function outboundRecord(message: TakenMessage, ack: MessageState | 'pending', { identity, receipt }: Wording): Fields {
  const state = receipt === 'status' ? { deliveryStatus: ack } : { ack };
  const ends = toContact(message.phone, identity);
  return { ...common(message, message.waId, 'text', identity), flow: 'outbound', ...state, ...ends, body: message.content };
}

/** The same, with the state that it has at a moment. */
export function outboundAt(message: TakenMessage, planned: ContactEvent[], { now, wording }: { now: EpochMs; wording: Wording }): Fields {
  const state = stateOf(message, planned, now);
  return outboundRecord(message, state === 'queued' ? 'pending' : state, wording);
}

/** What a contact wrote, as a chat's history and the event about it show it; `answered` is the message that it answers. */
export function inboundRecord(reply: ContactEvent, answered: TakenMessage | undefined, { identity, answerAs, quote }: Wording): Fields {
  const quoted = { wid: answered?.waId, from: widOf(LINE_PHONE), kind: 'text' };
  return {
    ...common(reply, reply.id, 'text', identity),
    flow: 'inbound',
    ack: 'delivered',
    ...fromContact(reply.phone, identity),
    ...SAID[answerAs](reply),
    ...(quote === 'ours' && answered !== undefined && { quoted }),
  };
}

/** What a team notes for itself in a chat, after an answer. */
export function noteRecord(reply: ContactEvent, { identity }: Wording): Fields {
  const record = common({ ...reply, at: reply.at + 1 }, `${reply.id}NOTE`, 'text', identity);
  return { ...record, scope: 'note', body: 'STOP', agent: '65dd00000000000000000001' };
}

/** A contact's emoji on one of our messages. */
export function reactionRecord(reaction: ContactEvent, target: TakenMessage, wording: Wording): Fields {
  const { identity, reactOn } = wording;
  const ends = fromContact(reaction.phone, identity);
  if (reactOn === 'ours') {
    const given = { id: reaction.id, reaction: reaction.text, from: ends.from, timestamp: Math.floor(reaction.at / 1_000) };
    return { ...outboundRecord(target, 'read', wording), reactions: [given] };
  }
  const record = { ...common(reaction, reaction.id, 'reaction', identity), flow: 'inbound', ack: 'delivered', ...ends };
  return { ...record, reaction: reaction.text, reactionMessage: target.waId };
}

/** What an answer of each kind holds; where the words of a choice stand differs. */
const SAID: Record<Wording['answerAs'], (reply: ContactEvent) => Fields> = {
  text: ({ text }) => ({ body: text }),
  button: ({ text }) => ({ type: 'buttons_response', body: null, title: text, selectedButtonId: text }),
  list: ({ text }) => ({ type: 'list', list: { title: 'Menu', response: { title: text, rowId: 'row-1' } } }),
  edit: ({ text, at }) => ({ body: text, editedAt: new Date(at).toISOString() }),
  order: () => ({ type: 'order', body: null, order: { id: 'order-1', itemCount: 1 } }),
};

function common(
  { phone, device, at }: { phone: string; device: string; at: EpochMs },
  id: string,
  type: string,
  identity: Wording['identity'],
): Fields {
  return {
    id,
    type,
    status: 'active',
    device,
    date: new Date(at).toISOString(),
    timestamp: Math.floor(at / 1_000),
    chat: chatWith(phone, identity),
  };
}
