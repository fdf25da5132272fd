import type { EpochMs } from '../core/units.ts';
import type { ContactEvent } from './events.ts';
import type { Faults } from './faults.ts';
import { stateOf } from './message-state.ts';
import type { TakenMessage } from './taken-message.ts';
import { USUAL_RETRIES } from './validate.ts';

/** The device id of every sandbox. It serves any other that is well formed too. */
export const SANDBOX_DEVICE = '5a4db0c5e4d0000000000001';
/** Another line of the same account. */
export const OTHER_DEVICE = '5a4db0c5e4d0000000000002';
/** The number of every line of a sandbox. */
export const LINE_PHONE = '+15550100';
/** Why a message failed that was taken, where it does not say. */
export const FAILURE_REASON = 'number:notfound';

/** The id of the chat with a number. */
export function widOf(phone: string): string {
  return `${phone.slice(1)}@c.us`;
}

/** A message as `POST /messages` answers it: queued, nothing more. How often its delivery is tried is kept nowhere: lists show the usual number. */
export function queuedRecord(message: TakenMessage, retries = USUAL_RETRIES): Record<string, unknown> {
  const at = new Date(message.at).toISOString();
  return {
    id: message.id,
    waId: message.waId,
    phone: message.phone,
    wid: widOf(message.phone),
    device: message.device,
    status: 'queued',
    deliveryStatus: 'queued',
    createdAt: at,
    deliverAt: at,
    message: message.content,
    priority: 'normal',
    retentionPolicy: 'plan_defaults',
    retry: { max: retries, count: 0 },
    webhookStatus: 'pending',
    reference: message.reference,
  };
}

/** A message as the list shows it at a moment: on its way, sent, delivered, read, or failed. `planned` is what is planned for it. */
export function listedRecord(message: TakenMessage, planned: ContactEvent[], now: EpochMs): Record<string, unknown> {
  const state = stateOf(message, planned, now);
  if (state === 'queued') return { ...queuedRecord(message), deliveryStatus: 'processing' };
  const failed = planned.find(({ kind }) => kind === 'failed');
  const at = new Date(state === 'failed' ? (failed?.at ?? message.at) : message.at).toISOString();
  return {
    ...queuedRecord(message),
    ...(state === 'failed'
      ? { status: 'failed', deliveryStatus: 'failed', failureReason: failed?.text || FAILURE_REASON, failedAt: at }
      : { status: 'processed', deliveryStatus: state, processedAt: at, sentAt: at }),
  };
}

/** A device as `GET /devices/{id}` shows it, in the state that the faults ask for; `messages` wait in its queue. */
export function deviceRecord(
  id: string,
  { line, deliverySpeed, connector, openingHours, plan }: Faults,
  { messages, createdAt }: { messages: number; createdAt: EpochMs },
): Record<string, unknown> {
  const isStatus = line === 'banned' || line === 'unpaid';
  const isQueue = line.startsWith('queue-');
  return {
    id,
    alias: 'sandbox',
    phone: LINE_PHONE,
    wid: widOf(LINE_PHONE),
    status: isStatus ? line : 'operative',
    session: { status: isStatus ? 'offline' : isQueue ? 'online' : line },
    queue: { status: isQueue ? line.slice('queue-'.length) : 'active', messages, scheduled: 0 },
    connector,
    settings: { deliverySpeed, operativeHours: { enable: openingHours === 'on', timezone: 'Africa/Porto-Novo' } },
    billing: { subscription: { product: plan } },
    createdAt: new Date(createdAt).toISOString(),
  };
}
