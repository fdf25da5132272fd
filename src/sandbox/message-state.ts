import type { EpochMs } from '../core/units.ts';
import { append, type ContactEvent } from './events.ts';
import type { TakenMessage } from './taken-message.ts';

/** How far a message has come. */
export type MessageState = 'queued' | 'sent' | 'delivered' | 'read' | 'failed';

/** How far a message has come at a moment. What is not planned to fail is sent at once. */
export function stateOf({ fails }: TakenMessage, planned: ContactEvent[], now: EpochMs): MessageState {
  const has = (kind: ContactEvent['kind']) => planned.some((event) => event.kind === kind && event.at <= now);
  if (fails) return has('failed') || !planned.some(({ kind }) => kind === 'failed') ? 'failed' : 'queued';
  return has('read') ? 'read' : has('delivered') ? 'delivered' : 'sent';
}

/** The emoji that a message has at a moment; empty for none. */
export function emojiOf(planned: ContactEvent[], now: EpochMs): string {
  const reactions = planned.filter(({ kind, at }) => kind === 'reaction' && at <= now);
  return reactions.sort((a, b) => a.at - b.at).at(-1)?.text ?? '';
}

/** Events by the id of their message. */
export function byMessage(events: ContactEvent[]): (id: string) => ContactEvent[] {
  const groups = new Map<string, ContactEvent[]>();
  for (const event of events) append(groups, event.message, event);
  return (id) => groups.get(id) ?? [];
}
