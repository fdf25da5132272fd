import { inboundRecord, outboundRecord, reactionRecord } from './chat-records.ts';
import type { ContactEvent } from './events.ts';
import { FAILURE_REASON, LINE_PHONE } from './records.ts';
import type { TakenMessage } from './store.ts';

/** The body of the webhook call for an event, in the shape that the real API gives it. `message` is the one it is about, if any. */
export function webhookBody(event: ContactEvent, message: TakenMessage | undefined): unknown {
  const { kind, device } = event;
  const about = (name: string, data: Record<string, unknown>) => ({
    id: data.id,
    object: 'message',
    event: name,
    created: Math.floor(event.at / 1_000),
    device: { id: device, phone: LINE_PHONE, alias: 'sandbox', plan: 'io-business' },
    data,
  });
  if (kind === 'reply') return about('message:in:new', inboundRecord(event));
  if (message === undefined) return about('message:update', { id: event.id });
  if (kind === 'reaction') return about('message:reaction', reactionRecord(event, message));
  if (kind === 'failed') return [failedItem(event, message)];
  return { ...about('message:out:ack', outboundRecord(message, kind)), ack: kind };
}

/** A failure is told in a list, and under the id of the API instead of WhatsApp's. */
function failedItem({ at, device }: ContactEvent, { id, phone, reference }: TakenMessage): Record<string, unknown> {
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
      failureReason: FAILURE_REASON,
      failedAt: date,
      retry: { count: 25 },
      device,
    },
  };
}
