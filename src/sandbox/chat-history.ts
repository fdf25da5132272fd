import { inboundRecord, noteRecord, outboundAt } from './chat-records.ts';
import { json, problem, type Reply } from './contact-reply.ts';
import { newestFirst } from './events.ts';
import { phoneOfChat } from './identity.ts';
import { byMessage } from './message-state.ts';
import { readPage, readStretch } from './query.ts';
import { widOf } from './records.ts';
import type { SandboxState } from './state.ts';

/** The furthest that pages reach back. */
const LAST_PAGE = 1_000;

/**
 * `GET /chat/{device}/messages`: what both sides wrote on a line, newest first, `size` (20) from `page` (0); `chat` (such as `15550111@c.us`),
 * `flow` (inbound or outbound), `after` and `before` (ISO 8601 or seconds) narrow it down.
 */
export async function listChat(device: string, query: URLSearchParams, { store, now, faults }: SandboxState): Promise<Reply> {
  const wanted = readPage(query, LAST_PAGE);
  if ('status' in wanted) return wanted;
  const { size, page } = wanted;
  const chat = query.get('chat');
  const phone = chat === null ? undefined : phoneOfChat(chat);
  if (chat !== null && phone === undefined) return problem(400, `chat must be the id of a chat, such as ${widOf('+15550111')}`);
  const flow = query.get('flow');
  if (flow !== null && flow !== 'inbound' && flow !== 'outbound') return problem(400, 'flow must be inbound or outbound');
  const stretch = readStretch(query, 'after', 'before');
  if ('status' in stretch) return stretch;
  const at = now();

  // The page holds the newest of both, so as many of each are needed as lie up to its end.
  const filter = {
    phone,
    device,
    after: stretch.after,
    until: Math.min(at, stretch.before - 1),
    size: (page + 1) * size,
    page: 0,
  };
  const written = flow === 'inbound' ? [] : await store.list(filter);
  const replies = flow === 'outbound' ? [] : await store.events.replies(filter);
  const both = newestFirst([...written, ...replies]).slice(page * size, (page + 1) * size);
  const planned = byMessage(await store.events.about(both.filter((entry) => 'content' in entry).map(({ id }) => id)));
  const records = both.map(async (entry) => {
    if ('content' in entry) return [outboundAt(entry, planned(entry.id), { now: at, wording: faults })];
    const inbound = inboundRecord(entry, await store.find(entry.message), faults);
    return faults.agent === 'writes' ? [noteRecord(entry, faults), inbound] : [inbound];
  });
  return json(200, (await Promise.all(records)).flat());
}
