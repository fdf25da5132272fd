import type { EpochMs } from '../core/units.ts';
import type { Filter, TakenMessage } from './taken-message.ts';

/** What may happen to a message, or what its contact does. */
export type EventKind = 'sent' | 'delivered' | 'read' | 'failed' | 'reply' | 'reaction';

/** Something that happens after a message was taken, now or later, and of which a webhook may be told. */
export interface ContactEvent {
  /** Unique. A reply's and a reaction's is its id on WhatsApp's side. */
  id: string;
  kind: EventKind;
  /** The id of the message it is about; empty for a contact who writes unasked. */
  message: string;
  phone: string;
  device: string;
  /** A reply's words, a reaction's emoji; else empty. */
  text: string;
  at: EpochMs;
  /** Webhook calls still to be made for it. */
  calls: number;
  /** When the first of them is due. */
  callAt: EpochMs;
}

/** The part of a sandbox's store that keeps what becomes of messages. */
export interface EventStore {
  add(events: ContactEvent[]): Promise<void>;
  /** All that is planned for these messages, also what has not happened yet, in the order in which it was added. */
  about(messages: string[]): Promise<ContactEvent[]>;
  /** Replies, newest first. */
  replies(filter: Omit<Filter, 'reference' | 'ids'>): Promise<ContactEvent[]>;
  /** Those with calls to be made. */
  untold(): Promise<ContactEvent[]>;
  /** One of the calls for this event was made, or given up. */
  told(id: string): Promise<void>;
  /** The newest message or reply of each number, at most `limit`, newest first. */
  latest(until: EpochMs, limit: number): Promise<(TakenMessage | ContactEvent)[]>;
}

/** Events that live as long as their process, beside the messages of each number, oldest first. */
export function memoryEvents(messages: ReadonlyMap<string, TakenMessage[]>): EventStore {
  const byId = new Map<string, ContactEvent>();
  const byMessage = new Map<string, ContactEvent[]>();
  const replies = new Map<string, ContactEvent[]>();
  return {
    async add(events) {
      for (const event of events) {
        byId.set(event.id, event);
        append(byMessage, event.message, event);
        if (event.kind === 'reply') append(replies, event.phone, event);
      }
    },
    async about(ids) {
      return ids.flatMap((id) => byMessage.get(id) ?? []);
    },
    async replies({ phone, device, after = Number.NEGATIVE_INFINITY, until, size, page }) {
      const of = phone === undefined ? [...replies.values()].flat() : (replies.get(phone) ?? []);
      const happened = of.filter((reply) => reply.at > after && reply.at <= until && (device ?? reply.device) === reply.device);
      return newestFirst(happened).slice(page * size, (page + 1) * size);
    },
    async untold() {
      return [...byId.values()].filter(({ calls }) => calls > 0);
    },
    async told(id) {
      const event = byId.get(id);
      if (event !== undefined) byId.set(id, { ...event, calls: Math.max(0, event.calls - 1) });
    },
    async latest(until, limit) {
      const newest = [...new Set([...messages.keys(), ...replies.keys()])].map((phone) => {
        const written = (messages.get(phone) ?? []).filter(({ at }) => at <= until).at(-1);
        const [reply] = newestFirst((replies.get(phone) ?? []).filter(({ at }) => at <= until));
        return written === undefined || (reply !== undefined && reply.at >= written.at) ? reply : written;
      });
      return newestFirst(newest.filter((entry) => entry !== undefined)).slice(0, limit);
    },
  };
}

/** Adds to the list under a key. */
export function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** Newest first; of the same moment, the last first. */
export function newestFirst<T extends { at: EpochMs }>(entries: T[]): T[] {
  return entries.toReversed().sort((a, b) => b.at - a.at);
}
