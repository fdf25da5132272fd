import type { EpochMs } from '../core/units.ts';
import { planContact } from './contact.ts';
import { json, problem, type Reply, webPage } from './contact-reply.ts';
import { chance, type Decision, decisionOf } from './decision.ts';
import { deliverDue, deliveryNow } from './deliver-later.ts';
import type { ContactEvent } from './events.ts';
import { chatIdOf } from './identity.ts';
import { byMessage } from './message-state.ts';
import { oddAnswer } from './odd-answer.ts';
import { readPage, readStretch } from './query.ts';
import { listedRecord, queuedRecord } from './records.ts';
import type { SandboxState } from './state.ts';
import type { TakenMessage } from './taken-message.ts';
import { type NewMessage, validate } from './validate.ts';

/** The furthest that pages reach back. */
const LAST_PAGE = 1e9;

/** `POST /messages`, the `number`-th of this sandbox. A message that is taken is in the store before this resolves. */
export function sendMessage(body: string, defaultDevice: string, number: number, state: SandboxState): Reply | Promise<Reply> {
  const { faults, faultsSince, now } = state;
  if (faults.refuse === 'plan') return problem(402, 'Payment required: the plan does not allow sending');
  if (faults.refuse === 'queue') return problem(409, 'The queue of the device refuses messages', { errorCode: 'queue:rejected' });
  if (faults.refuse === 'window') return json(400, { status: 400, message: 'Re-engagement message', errors: [{ code: 131047 }] });
  const message = validate(body, defaultDevice);
  if ('status' in message) return message;
  const { reference, phone } = message;
  const fate = decisionOf({ reference, phone, nth: state.nthTry(reference), number, elapsedMs: now() - faultsSince }, faults);
  if (fate.kind === 'refused') return refuse(fate.by, faults.retryAfter);
  return fate.kind === 'odd' ? answerOddly(message, fate, state) : take(message, fate, state);
}

/**
 * `GET /messages`: newest first, `size` (20) from `page` (0); `reference`, `phone`, `device`, `ids` (between commas), `createdAfter` and
 * `createdBefore` narrow it down.
 */
export async function listMessages(query: URLSearchParams, state: SandboxState): Promise<Reply> {
  const { store, faults, now, nthTry } = state;
  await deliverDue(state);
  if (faults.refuse === 'look-ups') return problem(403, 'Forbidden: the API key may not read messages');
  const reference = query.get('reference') ?? query.get('reference[]') ?? undefined;
  if (faults.lookupFail > 0) {
    const key = `look-up ${reference}`;
    if (chance(faults.seed, 'lookupFail', key, nthTry(key)) < faults.lookupFail) return webPage(500, 'Internal Server Error');
  }
  if (faults.lookupThrottle > 0 && chance(faults.seed, 'lookupThrottle', nthTry('look-ups')) < faults.lookupThrottle)
    return refuse('throttle', faults.retryAfter);
  const wanted = readPage(query, LAST_PAGE);
  if ('status' in wanted) return wanted;
  const stretch = readStretch(query, 'createdAfter', 'createdBefore');
  if ('status' in stretch) return stretch;
  // A plus sign that was not encoded arrives as a space.
  const phone = query
    .get('phone')
    ?.trim()
    .replace(/^(?=\d)/, '+');
  const until = Math.min(now() - faults.lookupDelay, stretch.before - 1);
  const ids = [...query.getAll('ids'), ...query.getAll('ids[]')].flatMap((given) => given.split(','));
  const filter = { reference, phone, device: query.get('device') ?? undefined, after: stretch.after, until };
  const found = await store.list({ ...filter, ...(ids.length === 0 ? {} : { ids }), ...wanted });
  const isLost = (id: string) => faults.lookupLoss > 0 && chance(faults.seed, 'lookupLoss', id, nthTry(`listed ${id}`)) < faults.lookupLoss;
  const listed = found.filter(({ id }) => !isLost(id));
  const planned = byMessage(await store.events.about(listed.map(({ id }) => id)));
  const at = now();
  return json(
    200,
    listed.map((message) => recordOf(message, planned(message.id), at, state)),
  );
}

/** `GET /messages/{id}`. */
export async function showMessage(id: string, state: SandboxState): Promise<Reply> {
  const { store, faults, now } = state;
  await deliverDue(state);
  const found = await store.find(id);
  const isListed = found !== undefined && found.at <= now() - faults.lookupDelay;
  return isListed
    ? json(200, recordOf(found, await store.events.about([id]), now(), state))
    : problem(404, 'The message does not exist', { errorCode: 'message:notfound' });
}

function recordOf(message: TakenMessage, planned: ContactEvent[], at: EpochMs, { queue, faults }: SandboxState): Record<string, unknown> {
  const record = queue.holds(message.id) ? queuedRecord(message) : listedRecord(message, planned, at);
  return { ...record, wid: chatIdOf(message.phone, faults.identity) };
}

function refuse(by: Extract<Decision, { kind: 'refused' }>['by'], retryAfter: number): Reply {
  switch (by) {
    case 'number':
      return problem(400, 'The phone number is not valid', { errorCode: 'phone:invalid' });
    case 'throttle':
      return {
        ...problem(429, 'Too many requests - Try again later'),
        ...(retryAfter > 0 ? { headers: { 'retry-after': String(retryAfter) } } : {}),
      };
    case 'offline':
      return problem(503, 'The device is not connected', { errorCode: 'device:offline' });
    case 'error':
      return webPage(502, 'Bad Gateway');
    case 'reset':
      return { ...json(502, {}), fate: 'reset' };
  }
}

async function answerOddly(message: NewMessage, fate: Extract<Decision, { kind: 'odd' }>, state: SandboxState): Promise<Reply> {
  const made = newMessage(message, fate.fails, state);
  if (fate.taken) await keep(made, state);
  return oddAnswer(fate.answer, made);
}

async function take(message: NewMessage, fate: Extract<Decision, { kind: 'taken' }>, state: SandboxState): Promise<Reply> {
  const taken = newMessage(message, fate.fails, state);
  await keep(taken, state);
  const reply = json(201, { ...queuedRecord(taken, message.retries), wid: chatIdOf(taken.phone, state.faults.identity) });
  switch (fate.answer) {
    case 'good':
      return reply;
    case 'error':
      return webPage(500, 'Internal Server Error');
    case 'reset':
      return { ...reply, fate: 'reset' };
    case 'slow':
      return { ...reply, waitMs: state.faults.slowBy };
    case 'cut':
      return { ...reply, fate: 'cut' };
  }
}

function newMessage({ reference, phone, device, message }: NewMessage, fails: boolean, { now, nextId }: SandboxState): TakenMessage {
  const { id, waId } = nextId();
  return { id, waId, reference, phone, device, content: message, at: now(), fails };
}

async function keep(taken: TakenMessage, state: SandboxState): Promise<void> {
  const { store, teller, queue } = state;
  const { perMinute, held } = deliveryNow(state);
  const waits = held || perMinute > 0 || queue.size() > 0;
  const planned = waits ? [] : planContact(taken, state.planning());
  await store.add(taken, planned);
  teller?.tell(planned);
  if (waits) queue.add(taken);
  if (waits) await deliverDue(state);
}
