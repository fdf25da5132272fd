import type { EpochMs } from '../../core/units.ts';
import type { ContactEvent } from './events.ts';
import { type MessageState, stateOf } from './message-state.ts';
import { LINE_PHONE, widOf } from './records.ts';
import type { TakenMessage } from './store.ts';

/** A message of ours as a chat's history and the events about it show it: known by its WhatsApp id, without our reference. */
export function outboundRecord(message: TakenMessage, ack: MessageState | 'pending'): Record<string, unknown> {
  return { ...common(message, message.waId, 'text'), flow: 'outbound', ack, ...between(LINE_PHONE, message.phone), body: message.content };
}

/** The same, with the state that it has at a moment. */
export function outboundAt(message: TakenMessage, planned: ContactEvent[], now: EpochMs): Record<string, unknown> {
  const state = stateOf(message, planned, now);
  return outboundRecord(message, state === 'queued' ? 'pending' : state);
}

/** What a contact wrote, as a chat's history and the event about it show it. */
export function inboundRecord(reply: ContactEvent): Record<string, unknown> {
  return { ...common(reply, reply.id, 'text'), flow: 'inbound', ack: 'delivered', ...between(reply.phone, LINE_PHONE), body: reply.text };
}

/** A contact's emoji on one of our messages. */
export function reactionRecord(reaction: ContactEvent, target: TakenMessage): Record<string, unknown> {
  const record = {
    ...common(reaction, reaction.id, 'reaction'),
    flow: 'inbound',
    ack: 'delivered',
    ...between(reaction.phone, LINE_PHONE),
  };
  return { ...record, reaction: reaction.text, reactionMessage: target.waId };
}

function common({ phone, device, at }: { phone: string; device: string; at: EpochMs }, id: string, type: string): Record<string, unknown> {
  return {
    id,
    type,
    status: 'active',
    device,
    date: new Date(at).toISOString(),
    timestamp: Math.floor(at / 1_000),
    chat: { id: widOf(phone), type: 'chat', contact: { phone } },
  };
}

function between(from: string, to: string): Record<string, string> {
  return { from: widOf(from), fromNumber: from, to: widOf(to), toNumber: to };
}
