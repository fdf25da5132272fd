import { inboundRecord, outboundRecord, reactionRecord } from './chat-records.ts';
import type { ContactEvent } from './events.ts';
import type { Wording } from './faults.ts';
import { FAILURE_REASON, LINE_PHONE } from './records.ts';
import type { TakenMessage } from './taken-message.ts';

/** The body of the webhook call for an event, in a shape that the real API may give it. `message` is the one it is about, if any. */
export function webhookBody(event: ContactEvent, message: TakenMessage | undefined, wording: Wording): unknown {
  const { kind, device } = event;
  const about = (name: string, data: Record<string, unknown>) => {
    const flat = {
      id: data.id,
      object: 'message',
      event: name,
      created: Math.floor(event.at / 1_000),
      device: { id: device, phone: LINE_PHONE, alias: 'sandbox', plan: 'io-business' },
      data,
    };
    return wording.shape === 'nested' && 'chat' in data ? nested(flat) : flat;
  };
  const { answerAs, receipt } = wording;
  if (kind === 'reply') return about(answerAs === 'edit' ? 'message:update' : 'message:in:new', inboundRecord(event, message, wording));
  if (message === undefined) return about('message:update', { id: event.id });
  if (kind === 'reaction') return about('message:reaction', reactionRecord(event, message, wording));
  if (kind === 'failed') return [failedItem(event, message)];
  const outbound = { ...outboundRecord(message, kind, wording), reference: message.reference };
  if (receipt === 'event') return about(`message:out:${kind}`, { ...outbound, ack: undefined });
  return { ...about('message:out:ack', outbound), ...(receipt === 'ack' && { ack: kind }) };
}

/** A failure is told in a list, and under the id of the API instead of WhatsApp's. */
function failedItem({ at, device, text }: ContactEvent, { id, phone, reference }: TakenMessage): Record<string, unknown> {
  const date = new Date(at).toISOString();
  return {
    event: 'message:out:failed',
    date,
    entity: 'message',
    entityId: id,
    data: {
      id,
      phone,
      reference,
      status: 'failed',
      deliveryStatus: 'failed',
      failureReason: text || FAILURE_REASON,
      failedAt: date,
      retry: { count: 25 },
      device,
    },
  };
}

type Fields = Record<string, unknown>;

/** A webhook call in the other shape of the provider's papers: an id of its own, and the message and the chat apart. */
export function nested(event: { event: string; created: number; device: { id: string }; data: Fields }): Fields {
  const { chat, flow, from, to, fromNumber, toNumber, device: _, date: __, ...message } = event.data;
  const { id, contact } = chat as { id: string; contact: Fields };
  return {
    id: `evt_${message.id}`,
    event: event.event,
    createdAt: new Date(event.created * 1_000).toISOString(),
    device: event.device.id,
    data: {
      message: { ...message, chat: id, from: digitsOf(from), to: digitsOf(to), fromMe: flow === 'outbound' },
      chat: { id: '65cc00000000000000000001', contact: { name: 'Contact', ...contact }, status: 'active', assignedTo: null },
    },
  };
}

function digitsOf(wid: unknown): string {
  return String(wid).replace(/@.*/, '');
}
