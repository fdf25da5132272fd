import { listChat } from './chat-history.ts';
import { json, notAllowed, notFound, problem, type Reply } from './contact-reply.ts';
import { control } from './control.ts';
import { isOffline, within } from './decision.ts';
import { deliverDue } from './deliver-later.ts';
import { refuseStrangers, refuseStrangersOfPage, type Visitor } from './guard.ts';
import { listMessages, sendMessage, showMessage } from './messages.ts';
import { deviceRecord, SANDBOX_DEVICE } from './records.ts';
import type { SandboxState } from './state.ts';
import { isDeviceId } from './validate.ts';
import { webhookList } from './webhook-list.ts';

/** A request, as far as the sandbox looks at it. */
export interface Request {
  method: string;
  /** Path and query as received. */
  url: string;
  token: string;
  body: string;
  visitor: Visitor;
}

/** The sandbox without its socket: a request in, a reply out. `apiKey` null lets every key in that is not empty. */
export async function answerRequest(request: Request, state: SandboxState, apiKey: string | null): Promise<Reply> {
  const { method, url, token, body, visitor } = request;
  const question = url.indexOf('?');
  const path = question < 0 ? url : url.slice(0, question);
  state.statistics.request();
  const refused = path === '/' ? refuseStrangersOfPage(visitor) : refuseStrangers(visitor);
  if (refused !== null) return refused;
  if (path.startsWith('/sandbox/')) return control(url, method, body, state);
  if (path === '/') return method === 'GET' || method === 'HEAD' ? (await import('./web-page.ts')).page() : notAllowed(method, 'GET');
  const number = method === 'POST' && path === '/v1/messages' ? state.statistics.send(state.now()) : 0;
  const isKnown = token !== '' && (apiKey === null || token === apiKey) && state.faults.refuse !== 'key';
  const isForbidden = state.faults.refuse === 'access' && path.startsWith('/v1/');
  const reply = isForbidden
    ? problem(403, 'Forbidden: the API key has no access to this')
    : isKnown || !path.startsWith('/v1/')
      ? await route(method, path, question < 0 ? '' : url.slice(question + 1), body, number, state)
      : problem(401, 'Unauthorized: the API key is not valid');
  const waitMs = within(state.faults.latency, state.faults.seed, 'latency', number, url) + (reply.waitMs ?? 0);
  return waitMs === 0 ? reply : { ...reply, waitMs };
}

function route(method: string, path: string, query: string, body: string, number: number, state: SandboxState): Reply | Promise<Reply> {
  if (path === '/v1/messages') {
    if (method === 'POST') return state.faults.refuse === 'device' ? noDevice() : sendMessage(body, SANDBOX_DEVICE, number, state);
    return method === 'GET' ? listMessages(new URLSearchParams(query), state) : notAllowed(method, 'GET, POST');
  }
  const [, chatDevice] = /^\/v1\/chat\/([^/]+)\/messages$/.exec(path) ?? [];
  if (chatDevice !== undefined) {
    if (method !== 'GET') return notAllowed(method, 'GET');
    const isThere = state.faults.refuse !== 'device' && isDeviceId(chatDevice);
    return isThere ? listChat(chatDevice, new URLSearchParams(query), state) : noDevice();
  }
  const [, kind, id] = /^\/v1\/(messages|devices|webhooks)(?:\/([^/]+))?$/.exec(path) ?? [];
  if (kind === undefined) return notFound(path);
  if (method !== 'GET') return notAllowed(method, 'GET');
  if (kind === 'messages') return showMessage(id ?? '', state);
  if (kind === 'webhooks') return id === undefined && state.faults.webhooks !== 'hidden' ? json(200, webhookList(state)) : notFound(path);
  return showDevice(id, state);
}

async function showDevice(id: string | undefined, state: SandboxState): Promise<Reply> {
  await deliverDue(state);
  const isGone = state.faults.refuse === 'device';
  if (id === undefined) return json(200, isGone ? [] : [device(SANDBOX_DEVICE, state)]);
  return isGone || !isDeviceId(id) ? noDevice() : json(200, device(id, state));
}

function device(id: string, { faults, faultsSince, now, startedAt, queue }: SandboxState): Record<string, unknown> {
  const line = isOffline(faults, now() - faultsSince) ? 'offline' : faults.line;
  return deviceRecord(id, { ...faults, line }, { messages: queue.size(), createdAt: startedAt });
}

function noDevice(): Reply {
  return problem(404, 'The device does not exist', { errorCode: 'device:notfound' });
}
