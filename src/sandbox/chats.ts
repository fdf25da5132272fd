import { json, type Reply } from './contact-reply.ts';
import { type ContactEvent, newestFirst } from './events.ts';
import { byMessage, emojiOf, stateOf } from './message-state.ts';
import type { SandboxState } from './state.ts';
import type { TakenMessage } from './taken-message.ts';

/** Chats in the list, and messages of each side in one of them, the newest of each. */
const CHATS = 200;
const MESSAGES = 200;

/** What the page shows: the chats, newest first, and with `phone` what stands in one of them, oldest first. */
export async function listChats(phone: string | null, { store, now }: SandboxState): Promise<Reply> {
  const at = now();
  const latest = await store.events.latest(at, CHATS);
  const written = phone === null ? [] : await store.list({ phone, until: at, size: MESSAGES, page: 0 });
  const replies = phone === null ? [] : await store.events.replies({ phone, until: at, size: MESSAGES, page: 0 });
  const entries = newestFirst([...written, ...replies]).reverse();
  const planned = byMessage(await store.events.about([...latest, ...written].filter(isMessage).map(({ id }) => id)));
  const show = (entry: TakenMessage | ContactEvent) => {
    const { id, at: writtenAt } = entry;
    if (!isMessage(entry)) return { id, from: 'contact', text: entry.text, at: writtenAt };
    const events = planned(id);
    return { id, from: 'line', text: entry.content, at: writtenAt, state: stateOf(entry, events, at), emoji: emojiOf(events, at) };
  };
  return json(200, {
    now: at,
    chats: latest.map((entry) => ({ ...show(entry), phone: entry.phone })),
    chat: phone === null ? null : { phone, entries: entries.map(show) },
  });
}

function isMessage(entry: TakenMessage | ContactEvent): entry is TakenMessage {
  return 'content' in entry;
}
