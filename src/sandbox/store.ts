import { append, type ContactEvent, type EventStore, memoryEvents } from './events.ts';
import type { Filter, TakenMessage } from './taken-message.ts';

/** How many messages a store holds, and which references more than once. */
export interface Holdings {
  taken: number;
  duplicates: { reference: string; count: number }[];
}

/** Where a sandbox keeps what it took, and what becomes of it. The same reference twice is two messages, as with the real API. */
export interface SandboxStore {
  /** Resolves once the message and what is planned for it are as safe as this store can make them: all or nothing. */
  add(message: TakenMessage, planned?: ContactEvent[]): Promise<void>;
  list(filter: Filter): Promise<TakenMessage[]>;
  find(id: string): Promise<TakenMessage | undefined>;
  holdings(): Promise<Holdings>;
  readonly events: EventStore;
}

/** A store that lives as long as its process. */
export function memorySandboxStore(): SandboxStore {
  const all: TakenMessage[] = [];
  const byId = new Map<string, TakenMessage>();
  const byReference = new Map<string, TakenMessage[]>();
  const byPhone = new Map<string, TakenMessage[]>();
  const events = memoryEvents(byPhone);
  return {
    events,
    async add(message, planned = []) {
      all.push(message);
      byId.set(message.id, message);
      append(byReference, message.reference, message);
      append(byPhone, message.phone, message);
      await events.add(planned);
    },
    async list({ reference, phone, device, ids, after = Number.NEGATIVE_INFINITY, until, size, page }) {
      const among = reference !== undefined ? byReference.get(reference) : phone !== undefined ? byPhone.get(phone) : all;
      const isAsked = (m: TakenMessage) => m.at > after && m.at <= until && (ids === undefined || ids.includes(m.id));
      const listed = (among ?? []).filter((m) => isAsked(m) && (phone ?? m.phone) === m.phone && (device ?? m.device) === m.device);
      return listed.reverse().slice(page * size, (page + 1) * size);
    },
    async find(id) {
      return byId.get(id);
    },
    async holdings() {
      const duplicates = [...byReference].filter(([reference, same]) => reference !== '' && same.length > 1);
      return { taken: all.length, duplicates: duplicates.map(([reference, same]) => ({ reference, count: same.length })) };
    },
  };
}
