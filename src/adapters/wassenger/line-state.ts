import type { LineState } from '../../core/outcome.ts';
import { maskPhone } from '../../core/phone.ts';
import { complaintOf, isFields, quote, readJson, subject } from './body.ts';
import { detailOf, type Reading, reasonOf } from './classify.ts';
import type { Exchange } from './exchange.ts';

/** Device statuses that only a person can change. Source: the provider's Swagger file, as for all words here. */
const BARRED_STATUS = new Set(['invalid', 'banned', 'removed', 'disabled', 'unpaid']);
/** Queue statuses in which new messages are refused. `pause` takes them, and delivers none. */
const BARRED_QUEUE = new Set(['reject', 'freeze']);

/** How the line is, from the answer to `GET /devices/{id}`. */
export function classifyLine(ended: Exchange, reading: Reading): LineState {
  if (ended.kind !== 'answered') return { kind: 'unreachable', reason: `no answer: ${detailOf(ended, reading.secret)}` };
  const { status, text } = ended.answer;
  const json = readJson(text);
  if (status >= 200 && status < 300) return stateOf(subject(json), reading.secret);
  const complaint = complaintOf(json, reading.secret);
  const reason = reasonOf(status, complaint);
  if (status >= 500 || [408, 425, 429].includes(status)) return { kind: 'unreachable', reason };
  return { kind: 'barred', code: complaint.codes[0] ?? `http:${status}`, reason };
}

/** Ready is status `operative` with session `online`; a session or a queue that is not told is taken to be well. */
function stateOf(device: Record<string, unknown>, secret: string): LineState {
  const status = quote(device.status, secret);
  const session = quote(isFields(device.session) ? device.session.status : device.session, secret);
  const queue = quote(isFields(device.queue) ? device.queue.status : device.queue, secret);
  if (status === '') return { kind: 'unreachable', reason: 'the state of the device could not be read: check the base URL' };
  if (BARRED_STATUS.has(status)) return barred(`device:${status}`, `the device is ${status}`);
  if (session === 'blocked') return barred('session:blocked', 'the WhatsApp session is blocked');
  if (BARRED_QUEUE.has(queue)) return barred(`queue:${queue}`, `the queue of the device refuses messages (${queue})`);
  if (status !== 'operative') return { kind: 'waiting', reason: `the device is ${status}` };
  if (session !== '' && session !== 'online') return { kind: 'waiting', reason: `the WhatsApp session is ${session}` };
  if (queue === 'pause') return { kind: 'waiting', reason: 'the queue of the device is paused', queuePaused: true };
  return { kind: 'ready', name: nameOf(device, secret), ...queuedIn(device) };
}

/** What the device itself says, and only a person can change. */
function barred(code: string, reason: string): LineState {
  return { kind: 'barred', code, reason, byDevice: true };
}

/** How many messages wait in the queue of the device, where it tells; those with a date of their own are not meant. */
function queuedIn({ queue }: Record<string, unknown>): { queued?: number } {
  const messages = isFields(queue) ? queue.messages : undefined;
  return Number.isSafeInteger(messages) && Number(messages) >= 0 ? { queued: Number(messages) } : {};
}

function nameOf({ alias, name, phone, id }: Record<string, unknown>, secret: string): string {
  const given = quote(alias, secret) || quote(name, secret);
  if (given !== '') return given;
  return typeof phone === 'string' && phone !== '' ? maskPhone(phone) : quote(id, secret);
}
