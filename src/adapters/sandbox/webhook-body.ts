import { inboundRecord, outboundRecord, reactionRecord } from './chat-records.ts';
import type { ContactEvent } from './events.ts';
import type { Wording } from './faults.ts';
import { nested } from './nested.ts';
import { FAILURE_REASON, LINE_PHONE } from './records.ts';
import type { TakenMessage } from './store.ts';

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
