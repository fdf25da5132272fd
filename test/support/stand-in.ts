import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

// A judge that shares nothing with the program: the Wassenger API as its public documents describe it, in as few lines as tests need.

/** A message that an account took. */
export interface Taken {
  id: string;
  waId: string;
  phone: string;
  message: string;
  reference: string;
  device: string;
  createdAt: string;
  /** When its request had arrived, in milliseconds since 1970. */
  at: number;
}

/**
 * How the account tells what a person wrote: flat, with the number; nested; with the digits of a hidden id for the sender, and the number in the
 * chat alone; by a hidden id alone, quoting the last message to them; as a tapped button, a chosen row, or an edit.
 */
export type Shape = 'flat' | 'nested' | 'lid' | 'quote' | 'button' | 'list' | 'edit';

/** An account with one line, at an address of its own. */
export interface StandIn {
  /** What makes it the provider of a program: address, key and line. */
  env: Record<string, string>;
  /** Everything it took, oldest first. */
  taken: Taken[];
  /** What it says of its line: change it at any time. Where `queue.messages` is a number, it is told with what waits added. */
  device: Record<string, unknown>;
  /** Messages that the line delivers a minute. The rest waits in its queue, and so does everything while the queue is paused. */
  perMinute: number;
  /** The most that ever waited. */
  mostWaiting: number;
  /** The webhooks that it lists; null: it has no such list. */
  webhooks: unknown[] | null;
  /** How often the delivery of each was to be tried, as asked for. */
  retries: unknown[];
  /**
   * What the `nth` message (from 1) is answered in place of the truth: `answer` (a text is sent as it is, 'reset' breaks the connection), and whether the
   * message is taken all the same. Null: as it is.
   */
  instead: (nth: number) => { taken: boolean; answer: Answer | 'reset' } | null;
  /** Whether the list shows a message that it should, asked anew for each answer. */
  lists: (one: Taken) => boolean;
  /** The status that the list answers with. */
  listStatus: number;
  /** After how many milliseconds a message is answered: at least and at most. It is taken at once. */
  latency: [number, number];
  /** The numbers it took a message for, sorted; with `text`, of the messages that begin so. */
  phones(text?: string): string[];
  /** The numbers among them that it took more than one message for. */
  twice(text?: string): string[];
  /** What its webhook says of a message: how far it is on its way in a list, under the id of the API; once it is with the person by WhatsApp's. */
  report(one: Taken, state: 'sent' | 'delivered' | 'read' | 'failed'): unknown;
  /** What its webhook says when a person writes to the line: in one of the shapes of its papers. */
  incoming(phone: string, text?: string, shape?: Shape): unknown;
  close(): Promise<void>;
}

/** The fields of a message that an account knows; any other is refused. */
const FIELDS = new Set(
  `phone device message reference deliverAt enqueue live order priority retries expiration retentionPolicy media quote
   deliveryOptions template typing`.split(/\s+/),
);

interface Ask {
  method: string;
  path: string[];
  query: URLSearchParams;
  body: Record<string, unknown>;
}

/** An answer: a status, and what it says as JSON. */
export type Answer = [status: number, body: unknown];

/** Starts an account that takes every message with a number. Its line has an id of its own unless one is given. */
export async function standIn(lineId = randomBytes(12).toString('hex')): Promise<StandIn> {
  const key = randomBytes(32).toString('hex');
  const line = { id: lineId, phone: '+22990000000', alias: 'office', status: 'operative' };
  const device = { ...line, session: { status: 'online' }, queue: { status: 'active', messages: 0, scheduled: 0 } };
  const taken: Taken[] = [];
  const queue = { waiting: 0, since: Date.now() };

  const drain = () => {
    const now = Date.now();
    const isHeld = (account.device.queue as { status: string }).status !== 'active';
    if (!isHeld) queue.waiting = Math.max(0, queue.waiting - ((now - queue.since) * account.perMinute) / 60_000);
    queue.since = now;
  };
  const shownDevice = () => {
    drain();
    const { queue: told } = account.device as { queue: Record<string, unknown> };
    return { ...account.device, queue: 'messages' in told ? { ...told, messages: Math.ceil(queue.waiting) } : told };
  };

  const take = ({ body }: Ask): Answer => {
    const strange = Object.keys(body).filter((name) => !FIELDS.has(name));
    if (strange.length > 0) return refusal(400, 'error:validation', `unknown: ${strange.join(', ')}`);
    const { phone, message = '', reference = '', device: on = line.id } = body as Record<string, string>;
    if (!/^\+\d{8,15}$/.test(phone ?? '')) return refusal(400, 'phone:invalid', 'phone is not E.164');
    if (on !== line.id) return refusal(404, 'device:notfound', 'no such device');
    const [id, at] = [randomBytes(12).toString('hex'), Date.now()];
    const waId = `3EB0${randomBytes(8).toString('hex').toUpperCase()}`;
    const one: Taken = { id, waId, phone: phone as string, message, reference, device: on, createdAt: new Date(at).toISOString(), at };
    taken.push(one);
    account.retries.push(body.retries);
    drain();
    queue.waiting += 1;
    account.mostWaiting = Math.max(account.mostWaiting, queue.waiting);
    return [201, { ...shown(one), status: 'queued', deliveryStatus: 'queued' }];
  };

  const list = ({ query }: Ask): Answer => {
    const asked = (...names: string[]) => names.flatMap((name) => [...query.getAll(name), ...query.getAll(`${name}[]`)]);
    const filters: [keyof Taken, string[]][] = [
      ['reference', asked('reference')],
      ['phone', asked('phone').map((phone) => `+${phone.replace(/\D/g, '')}`)],
      ['device', asked('device', 'devices')],
      ['id', asked('ids').flatMap((ids) => ids.split(','))],
      ['waId', asked('waIds').flatMap((ids) => ids.split(','))],
    ];
    const found = taken.filter((one) => filters.every(([name, wanted]) => wanted.length === 0 || wanted.includes(String(one[name]))));
    const listed = found.filter((one) => account.lists(one));
    const size = Number(query.get('size') ?? 20);
    const from = Number(query.get('page') ?? 0) * size;
    return [
      200,
      listed
        .reverse()
        .slice(from, from + size)
        .map(shown),
    ];
  };

  const answerTo = (ask: Ask): Answer => {
    const [, what, id] = ask.path;
    if (what === 'messages' && ask.method === 'POST') return take(ask);
    if (what === 'messages' && account.listStatus !== 200) return refusal(account.listStatus, 'error:forbidden', 'may not read messages');
    if (what === 'messages' && id === undefined) return list(ask);
    const one = what === 'devices' ? (id === line.id ? shownDevice() : undefined) : taken.map(shown).find((message) => message.id === id);
    if (what === 'devices' && id === undefined) return [200, [shownDevice()]];
    if (what === 'webhooks' && account.webhooks !== null) return [200, account.webhooks];
    return one === undefined ? refusal(404, `${what}:notfound`, 'not found') : [200, one];
  };

  const phones = (text = '') =>
    taken
      .filter(({ message }) => message.startsWith(text))
      .map(({ phone }) => phone)
      .sort();

  const account: StandIn = {
    env: {},
    taken,
    device,
    perMinute: 1e9,
    mostWaiting: 0,
    webhooks: null,
    retries: [],
    instead: () => null,
    lists: () => true,
    listStatus: 200,
    latency: [5, 30],
    phones,
    twice: (text) => [...new Set(phones(text).filter((phone, i, all) => phone === all[i - 1]))],
    report: (one, state) => (state === 'sent' || state === 'failed' ? [onItsWay(one, state)] : arrived(one, state)),
    incoming: (phone, text = 'Yes', shape = 'flat') =>
      SHAPES[shape](incoming(phone, text, line), { phone, text, quoted: taken.findLast((one) => one.phone === phone)?.waId }),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  let asked = 0;
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const ask = await read(request);
    const known = request.headers.token === key;
    const posts = known && ask.method === 'POST' && ask.path[1] === 'messages';
    const odd = posts ? account.instead(++asked) : null;
    const truth = !known ? refusal(401, 'error:unauthorized', 'the key is wrong') : odd?.taken === false ? null : answerTo(ask);
    const [least, most] = account.latency;
    if (ask.method === 'POST') await sleep(least + Math.random() * (most - least));
    const answer = odd?.answer ?? truth;
    if (answer === 'reset' || answer === null) return void response.destroy();
    const [status, body] = answer;
    const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body);
    response.writeHead(status, { 'content-type': 'application/json' }).end(text);
  };
  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  account.env = { WASSENGER_BASE_URL: `http://127.0.0.1:${port}/v1`, WASSENGER_API_KEY: key, WASSENGER_DEVICE_ID: line.id };
  return account;
}

async function read(request: IncomingMessage): Promise<Ask> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://stand-in');
  const text = Buffer.concat(chunks).toString();
  return {
    method: request.method ?? 'GET',
    path: pathname.split('/').slice(1),
    query: searchParams,
    body: text === '' ? {} : JSON.parse(text),
  };
}

/** A message as the list shows it. */
function shown({ at: _, ...one }: Taken): Record<string, unknown> {
  return { ...one, wid: `${one.phone.slice(1)}@c.us`, status: 'processed', deliveryStatus: 'sent', webhookStatus: 'ignored' };
}

function onItsWay(one: Taken, state: string): Record<string, unknown> {
  const date = new Date().toISOString();
  const why = state === 'failed' ? { failureReason: 'number:notfound', failedAt: date } : {};
  const data = { ...shown(one), waId: undefined, deliveryStatus: state, ...why };
  return { event: `message:out:${state}`, date, entity: 'message', entityId: one.id, data };
}

function arrived({ waId: id, phone, reference, device, message: body, at }: Taken, ack: string): Record<string, unknown> {
  const data = { id, flow: 'outbound', ack, toNumber: phone, body, reference, timestamp: Math.floor(at / 1_000) };
  return { id, object: 'message', event: 'message:out:ack', created: Math.floor(Date.now() / 1_000), ack, device: { id: device }, data };
}

function refusal(status: number, errorCode: string, message: string): Answer {
  return [status, { status, errorCode, message }];
}

function incoming(phone: string, body: string, line: Told['device']): Told {
  const id = `3A${randomBytes(8).toString('hex').toUpperCase()}`;
  const [now, wid] = [new Date(), `${phone.slice(1)}@c.us`];
  const timestamp = Math.floor(now.getTime() / 1_000);
  const from = { from: wid, fromNumber: phone, to: `${line.phone.slice(1)}@c.us`, toNumber: line.phone };
  const data = { id, flow: 'inbound', type: 'text', status: 'active', ...from, date: now.toISOString(), timestamp, body };
  return {
    ...{ id, object: 'message', event: 'message:in:new', created: timestamp, device: { id: line.id, phone: line.phone } },
    data: { ...data, chat: { id: wid, contact: { phone } } },
  };
}

interface Told {
  event: string;
  device: { id: string; phone: string };
  data: Record<string, unknown>;
}

const SHAPES: Record<Shape, (flat: Told, about: { phone: string; text: string; quoted: string | undefined }) => unknown> = {
  flat: (flat) => flat,
  nested: ({ event, device, data: { id, type, body, timestamp } }, { phone }) => ({
    ...{ id: `evt_${randomBytes(8).toString('hex')}`, event, createdAt: new Date().toISOString(), device: device.id },
    data: {
      message: { id, chat: `${phone.slice(1)}@c.us`, from: phone.slice(1), to: '22990000000', fromMe: false, type, body, timestamp },
      chat: { id: randomBytes(12).toString('hex'), contact: { name: 'Afi', phone }, status: 'active', assignedTo: null },
    },
  }),
  lid: (flat, { phone }) => {
    const digits = `1${phone.slice(1)}`;
    return told(flat, { from: `${digits}@lid`, fromNumber: `+${digits}`, chat: { id: `${digits}@lid`, contact: { phone } } });
  },
  quote: (flat, { phone, quoted }) => {
    const lid = `1${phone.slice(1)}@lid`;
    return told(flat, { from: lid, fromNumber: undefined, chat: { id: lid }, quoted: { wid: quoted, kind: 'text' } });
  },
  button: (flat, { text }) => told(flat, { type: 'buttons_response', body: null, title: 'Tap', selectedButtonId: text }),
  list: (flat, { text }) => told(flat, { type: 'list_response', body: undefined, listResponse: { title: text, rowId: 'row-2' } }),
  edit: (flat) => ({ ...told(flat, { editedAt: new Date().toISOString() }), event: 'message:update' }),
};

function told(flat: Told, data: Record<string, unknown>): Told {
  return { ...flat, data: { ...flat.data, ...data } };
}
