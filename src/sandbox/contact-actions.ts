import { toE164 } from '../core/phone.ts';
import { LONGEST_TEXT } from '../core/text.ts';
import { contactEvent } from './contact.ts';
import { json, problem, type Reply } from './contact-reply.ts';
import type { ContactEvent, EventKind } from './events.ts';
import { byMessage, stateOf } from './message-state.ts';
import { SANDBOX_DEVICE } from './records.ts';
import type { SandboxState } from './state.ts';
import type { TakenMessage } from './taken-message.ts';
import { isDeviceId } from './validate.ts';

/** Messages that a contact reads at once when they open the chat. */
const READ_AT_ONCE = 100;
/** The longest emoji. */
const LONGEST_EMOJI = 40;

/**
 * What a person does as the contact: `reply` {phone, text, device?}, `read` {phone} and `react` {message, emoji}. Who writes has read what is
 * in the chat. It happens now, and the webhook is told.
 */
export async function actAsContact(act: string, body: string, state: SandboxState): Promise<Reply> {
  const given = fieldsOf(body);
  if (given === undefined) return problem(400, 'The request body must be a JSON object');
  if (act === 'react') return react(given, state);
  const phone = typeof given.phone === 'string' ? toE164(given.phone) : undefined;
  if (phone === undefined) return problem(400, 'phone must be a number in E.164, such as +15550111');
  if (act === 'read') return json(200, { read: (await happen(await reading(phone, state), state)).length });
  const { text, device } = given;
  if (typeof text !== 'string' || text.trim() === '') return problem(400, 'text must be a text');
  if (text.length > LONGEST_TEXT) return problem(400, `text must not be longer than ${LONGEST_TEXT} characters`);
  if (device !== undefined && !(typeof device === 'string' && isDeviceId(device))) return problem(400, 'device must be 24 hex digits');
  const [last] = await state.store.list({ phone, until: state.now(), size: 1, page: 0 });
  const line = device ?? last?.device ?? SANDBOX_DEVICE;
  const read = await reading(phone, state);
  const reply = make({ id: last?.id ?? '', phone, device: line }, 'reply', state, text);
  await happen([...read, reply], state);
  return json(201, { id: reply.id, phone, text, at: new Date(reply.at).toISOString() });
}

async function react({ message, emoji }: Record<string, unknown>, state: SandboxState): Promise<Reply> {
  if (typeof emoji !== 'string' || emoji.length > LONGEST_EMOJI) return problem(400, 'emoji must be a text; an empty one takes it back');
  const target = typeof message === 'string' ? await state.store.find(message) : undefined;
  if (target === undefined) return problem(404, 'message must be the id of a message that was taken');
  const reaction = make(target, 'reaction', state, emoji);
  await happen([reaction], state);
  return json(201, { id: reaction.id, message: target.id, emoji, at: new Date(reaction.at).toISOString() });
}

/** What makes the newest messages to a number delivered and read, as far as they are not. */
async function reading(phone: string, state: SandboxState): Promise<ContactEvent[]> {
  const now = state.now();
  const messages = await state.store.list({ phone, until: now, size: READ_AT_ONCE, page: 0 });
  const planned = byMessage(await state.store.events.about(messages.map(({ id }) => id)));
  return messages.reverse().flatMap((message) => {
    const reached = stateOf(message, planned(message.id), now);
    const missing: EventKind[] = reached === 'sent' ? ['delivered', 'read'] : reached === 'delivered' ? ['read'] : [];
    return missing.map((kind) => make(message, kind, state));
  });
}

function make(message: Pick<TakenMessage, 'id' | 'phone' | 'device'>, kind: EventKind, state: SandboxState, text?: string): ContactEvent {
  return contactEvent(message, { kind, at: state.now(), text }, state.planning());
}

async function happen(events: ContactEvent[], { store, teller }: SandboxState): Promise<ContactEvent[]> {
  await store.events.add(events);
  teller?.tell(events);
  return events;
}

function fieldsOf(body: string): Record<string, unknown> | undefined {
  try {
    const fields = JSON.parse(body);
    return typeof fields === 'object' && fields !== null && !Array.isArray(fields) ? fields : undefined;
  } catch {
    return undefined;
  }
}
