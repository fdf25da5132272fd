import type { Milliseconds } from '../core/units.ts';
import { chance, within } from './decision.ts';
import type { ContactEvent, EventKind } from './events.ts';
import type { Range } from './fault-values.ts';
import type { Faults } from './faults.ts';
import { OTHER_DEVICE } from './records.ts';
import type { TakenMessage } from './taken-message.ts';

/** The emoji of a contact who reacts by itself. */
const EMOJI = '👍';

/** What a plan needs besides the message. */
export interface Planning {
  faults: Faults;
  /** Whether there is a webhook to call. Without one, an event only happens. */
  hasWebhook: boolean;
  /** A new id on WhatsApp's side. */
  nextWaId(): string;
}

/**
 * What will become of a message that was taken: it fails, or it is sent, delivered, read, reacted to and answered, as the faults ask and by
 * luck, which depends on the seed and the message's reference alone. Oldest first.
 */
export function planContact(message: TakenMessage, planning: Planning): ContactEvent[] {
  const { faults } = planning;
  const key = message.reference || message.phone;
  const strikes = (name: 'delivered' | 'read' | 'reply' | 'react') => faults[name] > 0 && chance(faults.seed, name, key) < faults[name];
  const after = (range: Range, name: string): Milliseconds => within(range, faults.seed, name, key);
  const answering = faults.answerOn === 'other' ? { ...message, device: OTHER_DEVICE } : message;
  const make = (kind: EventKind, afterMs: Milliseconds, text = '') =>
    contactEvent(kind === 'reply' ? answering : message, { kind, at: message.at + afterMs, text }, planning);

  const failAfter = after(faults.failAfter, 'failAfter');
  if (message.fails) return [make('failed', failAfter, faults.failReason)];
  const events = planning.hasWebhook ? [make('sent', 0)] : [];
  if (strikes('delivered')) {
    const deliveredAfter = after(faults.deliveredAfter, 'deliveredAfter');
    events.push(make('delivered', deliveredAfter));
    if (strikes('read')) events.push(make('read', deliveredAfter + after(faults.readAfter, 'readAfter')));
  }
  if (strikes('react')) events.push(make('reaction', after(faults.reactAfter, 'reactAfter'), EMOJI));
  if (strikes('reply')) {
    const texts = faults.replyText;
    const text = texts[Math.floor(chance(faults.seed, 'replyText', key) * texts.length)];
    events.push(make('reply', after(faults.replyAfter, 'replyAfter'), text));
  }
  return events.sort((a, b) => a.at - b.at);
}

/** One event about a message (or about none, with an empty id), with the webhook calls that are due for it. */
export function contactEvent(
  message: Pick<TakenMessage, 'id' | 'phone' | 'device'>,
  { kind, at, text = '' }: { kind: EventKind; at: number; text?: string | undefined },
  { faults, hasWebhook, nextWaId }: Planning,
): ContactEvent {
  const id = kind === 'reply' || kind === 'reaction' ? nextWaId() : `${message.id}:${kind}:${nextWaId()}`;
  const strikes = (name: 'eventRepeat' | 'eventLate') => faults[name] > 0 && chance(faults.seed, name, message.id, kind) < faults[name];
  const lateBy = strikes('eventLate') ? within(faults.eventLateBy, faults.seed, 'eventLateBy', message.id, kind) : 0;
  const calls = hasWebhook ? (strikes('eventRepeat') ? 2 : 1) : 0;
  const { phone, device } = message;
  return { id, kind, message: message.id, phone, device, text, at, calls, callAt: at + lateBy };
}
