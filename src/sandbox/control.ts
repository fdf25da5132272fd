import { messageOf } from '../errors.ts';
import { listChats } from './chats.ts';
import { actAsContact } from './contact-actions.ts';
import { json, notAllowed, notFound, problem, type Reply } from './contact-reply.ts';
import { deliverDue } from './deliver-later.ts';
import { type Faults, NO_FAULTS, parseFaults, showFaults } from './faults.ts';
import type { SandboxState } from './state.ts';

/** What a person does as the contact. */
const ACTS = /^\/sandbox\/(reply|read|react)$/;

/**
 * What people and tests see and switch, beside the API: `/sandbox/faults` (GET; POST changes those given; DELETE switches all off),
 * `/sandbox/messages` (all that were taken, oldest first), `/sandbox/stats`, `/sandbox/chats` (for the page), and POST to `/sandbox/reply`,
 * `/sandbox/read` and `/sandbox/react`, which act as the contact. It needs no key and meets no fault.
 */
export async function control(url: string, method: string, body: string, state: SandboxState): Promise<Reply> {
  const [path = '', query = ''] = url.split('?', 2);
  // By the faults that were set until now.
  await deliverDue(state);
  if (path === '/sandbox/faults') return faults(method, body, state);
  const [, act] = ACTS.exec(path) ?? [];
  if (act !== undefined) return method === 'POST' ? actAsContact(act, body, state) : notAllowed(method, 'POST');
  if (!['/sandbox/messages', '/sandbox/stats', '/sandbox/chats'].includes(path)) return notFound(path);
  if (method !== 'GET') return notAllowed(method, 'GET');
  if (path === '/sandbox/chats') return listChats(new URLSearchParams(query).get('phone'), state);
  if (path === '/sandbox/stats')
    return json(200, { ...state.statistics.read(), ...(await state.store.holdings()), webhook: state.teller?.read() ?? null });
  const all = await state.store.list({ until: Number.MAX_SAFE_INTEGER, size: Number.MAX_SAFE_INTEGER, page: 0 });
  return json(
    200,
    all.reverse().map(({ id, reference, phone, content, at, fails }) => ({
      id,
      reference,
      phone,
      message: content,
      at: new Date(at).toISOString(),
      fails,
    })),
  );
}

function faults(method: string, body: string, state: SandboxState): Reply {
  if (method === 'GET') return json(200, showFaults(state.faults));
  if (method === 'DELETE') return change(state, NO_FAULTS);
  if (method !== 'POST') return notAllowed(method, 'GET, POST, DELETE');
  try {
    return change(state, parseFaults(JSON.parse(body), state.faults));
  } catch (error) {
    return problem(400, messageOf(error));
  }
}

function change(state: SandboxState, next: Faults): Reply {
  state.faults = next;
  state.faultsSince = state.now();
  void deliverDue(state).catch(() => undefined);
  return json(200, showFaults(next));
}
