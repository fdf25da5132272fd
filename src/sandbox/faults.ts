import { UsageError } from '../errors.ts';
import { count, type Kind, milliseconds, ODD_ANSWERS, oneOf, perMinute, rejection, share, stretch, texts, whole } from './fault-values.ts';

/** One switchable fault: its kind of value, the value that switches it off, and what it does. */
interface Fault<T> {
  kind: Kind<T>;
  off: T;
  help: string;
}

const FAULTS = {
  latency: fault(milliseconds, '0', 'time before every answer'),
  reject: fault(rejection, '0', 'refuse these numbers for good (400 phone:invalid)'),
  throttle: fault(share, '0', 'answer 429 to this share of sends'),
  throttleEvery: fault(count, '0', 'answer 429 to every n-th send; 0 is never'),
  retryAfter: fault(whole('seconds'), '0', 'seconds in the Retry-After of a 429; 0 leaves the header out'),
  offline: fault(stretch, '0', 'the device is offline for this time, counted from when it is set: sends get a 503'),
  errorBefore: fault(share, '0', 'answer this share of sends 502 with a web page, the message not taken'),
  errorAfter: fault(share, '0', 'answer this share of sends 500 with a web page, the message taken'),
  resetBefore: fault(share, '0', 'reset the connection of this share of sends, the message not taken'),
  resetAfter: fault(share, '0', 'reset the connection of this share of sends, the message taken'),
  slow: fault(share, '0', 'take this share of messages and answer only after slowBy'),
  slowBy: fault(whole('ms'), '60000', 'how late a slow answer is'),
  truncate: fault(share, '0', 'take this share of messages and break the answer off in its middle'),
  odd: fault(share, '0', 'answer this share of sends with a 2xx that does not confirm the message'),
  oddAs: fault(oneOf('any', ...ODD_ANSWERS), 'any', `what such an answer is: ${ODD_ANSWERS.join(', ')}, or any of them`),
  oddTaken: fault(share, '1', 'this share of those messages is taken all the same'),
  lookupDelay: fault(whole('ms'), '0', 'a message that was taken is listed only after this time'),
  lookupLoss: fault(share, '0', 'a list lacks each message this often, anew each time; 1 is a list that is always empty'),
  lookupThrottle: fault(share, '0', 'answer 429 to this share of look-ups'),
  lookupFail: fault(share, '0', 'answer 500 to this share of look-ups'),
  failLater: fault(share, '0', 'take this share of messages, then report them as failed'),
  failReason: fault(
    oneOf('number:notfound', '131047', 'waba:error', 'message:forbidden'),
    'number:notfound',
    'why such a message is reported as failed: the contact (number:notfound) or the line (the others)',
  ),
  failAfter: fault(milliseconds, '0', 'time until such a message is reported as failed'),
  delivered: fault(share, '0', 'this share of messages reaches its phone'),
  deliveredAfter: fault(milliseconds, '500', 'time until a message reaches its phone'),
  read: fault(share, '0', 'this share of the messages that reach their phone is read'),
  readAfter: fault(milliseconds, '1000', 'time from reaching the phone to being read'),
  reply: fault(share, '0', 'the contact answers this share of messages'),
  replyAfter: fault(milliseconds, '2000', 'time until the contact answers'),
  replyText: fault(texts, 'Yes', 'what the contact answers'),
  react: fault(share, '0', 'the contact puts an emoji on this share of messages'),
  reactAfter: fault(milliseconds, '1500', 'time until the contact reacts'),
  eventRepeat: fault(share, '0', 'call the webhook twice for this share of events'),
  eventLate: fault(share, '0', 'hold this share of events back, so that others overtake them'),
  eventLateBy: fault(milliseconds, '2000', 'how long an event is held back'),
  refuse: fault(
    oneOf('nothing', 'key', 'plan', 'access', 'device', 'look-ups', 'queue', 'window'),
    'nothing',
    'answer 401 (key), 402 (plan), 403 (access, look-ups), 404 (device), 409 (queue), or 400 with code 131047 (window)',
  ),
  line: fault(
    oneOf(
      'online',
      'offline',
      'timeout',
      'conflict',
      'loading',
      'blocked',
      'banned',
      'unpaid',
      'queue-pause',
      'queue-reject',
      'queue-freeze',
    ),
    'online',
    'state that the device reports of itself; offline and the like, and queue-pause, take messages and deliver none',
  ),
  deliverySpeed: fault(perMinute, '0', 'the device delivers so many messages a minute, the rest waits in its queue; 0 is at once'),
  connector: fault(oneOf('web', 'cloud'), 'web', 'how the line is connected, as the device says it: by QR code, or the official API'),
  openingHours: fault(oneOf('off', 'on'), 'off', 'the device says that it has opening hours'),
  plan: fault(oneOf('io', 'gateway', 'agent', 'support'), 'io', 'the plan, as the device says it; only io reports replies'),
  webhooks: fault(
    oneOf('all', 'none', 'few', 'failed', 'hidden'),
    'all',
    'what the list of webhooks says of ours: all events, not there, few events, that it failed; hidden: there is no list',
  ),
  shape: fault(
    oneOf('flat', 'nested'),
    'flat',
    'the shape of webhook calls: with the message as data, or nested in data.message beside data.chat',
  ),
  identity: fault(
    oneOf('number', 'lid', 'hidden'),
    'number',
    'what a contact is called: number; lid, with the number in the chat alone; hidden, a lid and no number at all',
  ),
  answerAs: fault(oneOf('text', 'button', 'list', 'edit', 'order'), 'text', 'what a contact answers with; an edit is told as a change'),
  quote: fault(oneOf('nothing', 'ours'), 'nothing', 'what an answer quotes: nothing, or the message that it answers'),
  answerOn: fault(
    oneOf('same', 'other'),
    'same',
    'the line that a contact answers on by itself: the one that wrote, or another of the account',
  ),
  receipt: fault(
    oneOf('ack', 'status', 'event'),
    'ack',
    'how a receipt says how far a message is: by its ack, by its deliveryStatus alone, or by its name (message:out:read)',
  ),
  reactOn: fault(oneOf('own', 'ours'), 'own', 'how a reaction is told: as a message of the contact, or carried on our own message'),
  agent: fault(oneOf('silent', 'writes'), 'silent', 'an agent of ours adds a note (STOP) to a chat after each answer'),
  seed: fault(count, '1', 'the same seed brings the same luck'),
};

/** The faults of a sandbox, ready for use. */
export type Faults = { [Name in FaultName]: (typeof FAULTS)[Name]['off'] };
/** Those that say how the provider words what comes back. */
export type Wording = Pick<Faults, 'shape' | 'identity' | 'answerAs' | 'quote' | 'receipt' | 'reactOn'>;
export type FaultName = keyof typeof FAULTS;

/** Everything well: what a sandbox starts with. */
export const NO_FAULTS = Object.fromEntries(names().map((name) => [name, FAULTS[name].off])) as Faults;

/** What the command line needs of each fault: its name, its argument (`<share>`), its help, and its value when it is off. */
export const FAULT_OPTIONS: readonly { name: FaultName; argument: string; help: string; off: string }[] = names().map((name) => ({
  name,
  argument: FAULTS[name].kind.argument,
  help: FAULTS[name].help,
  off: showFaults(NO_FAULTS)[name],
}));

/**
 * Faults from texts as typed, by name (`resetAfter` or `reset-after`); what is not given stays as in `base`.
 * Throws UsageError that names every wrong one, with the value seen and what is allowed.
 */
export function parseFaults(given: unknown, base: Faults = NO_FAULTS): Faults {
  if (typeof given !== 'object' || given === null) throw new UsageError('faults are given by name, such as {"latency": "100-900"}');
  const problems: string[] = [];
  const found: Record<string, unknown> = { ...base };
  for (const [typed, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const name = typed.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (!Object.hasOwn(FAULTS, name)) {
      problems.push(`there is no fault "${typed.slice(0, 40)}"`);
      continue;
    }
    const { parse, allowed } = FAULTS[name as FaultName].kind as Kind<unknown>;
    const parsed = typeof value === 'string' || typeof value === 'number' ? parse(String(value).trim()) : undefined;
    if (parsed === undefined) problems.push(`${name} is ${JSON.stringify(value)?.slice(0, 60)}, allowed: ${allowed}`);
    else found[name] = parsed;
  }
  if (problems.length > 0) throw new UsageError(problems.join('; '), `The faults of the sandbox are ${names().join(', ')}.`);
  return found as Faults;
}

/** Faults as texts that `parseFaults` takes back. */
export function showFaults(faults: Faults): Record<FaultName, string> {
  return Object.fromEntries(names().map((name) => [name, (FAULTS[name].kind as Kind<unknown>).show(faults[name])])) as Record<
    FaultName,
    string
  >;
}

function fault<T>(kind: Kind<T>, off: string, help: string): Fault<T> {
  return { kind, off: kind.parse(off) as T, help };
}

function names(): FaultName[] {
  return Object.keys(FAULTS) as FaultName[];
}
