import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { InfrastructureError, messageOf, UsageError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import { answerRequest } from './api.ts';
import { problem, type Reply } from './contact-reply.ts';
import type { Faults } from './faults.ts';
import type { Visitor } from './guard.ts';
import { SANDBOX_DEVICE } from './records.ts';
import { type SandboxState, sandboxState } from './state.ts';
import type { SandboxStore } from './store.ts';
import { startTelling } from './webhook-sender.ts';

/** Default API key. */
export const SANDBOX_KEY = 'sandbox-key-of-no-value-0000000001';
/** The most that a request may hold: 1 MiB. */
const BODY_LIMIT = 1_048_576;

/** What a sandbox is made of. */
export interface SandboxOptions {
  /** 0 takes a free one. */
  port: number;
  /** Default 127.0.0.1: not reachable from other machines. */
  host?: string;
  store: SandboxStore;
  /** Default: none. */
  faults?: Faults;
  clock: Pick<Clock, 'now'>;
  /** The only key let in; without it every key is, unless empty. */
  apiKey?: string;
  /** Where what happens to messages is told, and what contacts answer; without it, nowhere. */
  webhook?: string | undefined;
}

/** A running sandbox: what `WASSENGER_BASE_URL`, `WASSENGER_DEVICE_ID` and `WASSENGER_API_KEY` must be to use it. */
export interface RunningSandbox {
  /** Such as `http://127.0.0.1:4010/v1`. */
  url: string;
  /** The same without `/v1`: where its page is, and `/sandbox/faults`, `/sandbox/messages` and `/sandbox/stats`. */
  controlUrl: string;
  device: string;
  apiKey: string;
  /** Stops listening and calling, and breaks what is open. Messages that were taken stay. */
  close(): Promise<void>;
}

/**
 * Starts a local stand-in for the part of the Wassenger API that wsend uses. A message is in the store before it is answered.
 * Throws UsageError when the port is taken or not allowed, InfrastructureError when it cannot listen for another reason.
 */
export async function startSandbox(options: SandboxOptions): Promise<RunningSandbox> {
  const { port, host = '127.0.0.1', store, faults, clock, apiKey, webhook } = options;
  const teller = webhook === undefined ? null : startTelling(webhook, store, { now: clock.now, wording: () => state.faults });
  const state: SandboxState = sandboxState({
    store,
    now: clock.now,
    teller,
    webhook: webhook ?? null,
    ...(faults === undefined ? {} : { faults }),
  });
  const timers = new Set<NodeJS.Timeout>();

  const deliver = (reply: Reply, request: IncomingMessage, response: ServerResponse) => {
    if (response.destroyed) return;
    state.statistics.answer(reply.fate ?? reply.status);
    if (reply.fate === 'reset') request.socket.resetAndDestroy();
    else write(reply, request, response);
  };
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    const reply = typeof body === 'string' ? await replyTo(request, body) : body;
    if (reply === undefined) return;
    if (reply.waitMs === undefined) return deliver(reply, request, response);
    const timer = setTimeout(() => {
      timers.delete(timer);
      deliver(reply, request, response);
    }, reply.waitMs);
    timers.add(timer);
  });
  const replyTo = async (request: IncomingMessage, body: string): Promise<Reply> => {
    const { method = '', url = '', headers } = request;
    try {
      const visitor = visitorOf(request);
      return await answerRequest({ method, url, token: String(headers.token ?? '').trim(), body, visitor }, state, apiKey ?? null);
    } catch (error) {
      return problem(500, `the sandbox could not keep the message: ${messageOf(error)}`);
    }
  };
  server.on('clientError', refuseGarbage);
  const untold = teller === null ? [] : await store.events.untold();
  await listen(server, port, host).catch((error) => {
    teller?.close();
    throw error;
  });
  teller?.tell(untold);

  const address = server.address() as AddressInfo;
  const controlUrl = `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
  return {
    url: `${controlUrl}/v1`,
    controlUrl,
    device: SANDBOX_DEVICE,
    apiKey: apiKey ?? SANDBOX_KEY,
    close: () =>
      new Promise((closed) => {
        for (const timer of timers) clearTimeout(timer);
        clearTimeout(state.nextDelivery);
        teller?.close();
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

function visitorOf({ socket, headers }: IncomingMessage): Visitor {
  const { host = '', origin = '', 'sec-fetch-site': fetchSite } = headers;
  return { remote: socket.remoteAddress ?? '', host, origin, fetchSite: String(fetchSite ?? '') };
}

/** The body of a request, a refusal when it is too large, or undefined when the client went away. */
function bodyOf(request: IncomingMessage): Promise<string | Reply | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= BODY_LIMIT) chunks.push(chunk);
      else resolve({ ...problem(413, 'The request is larger than 1 MB'), headers: { connection: 'close' } });
    });
    request.once('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer).toString() : Buffer.concat(chunks).toString()));
    request.once('close', () => resolve(undefined));
    request.once('error', () => resolve(undefined));
  });
}

function write({ status, type, body, headers, fate }: Reply, request: IncomingMessage, response: ServerResponse): void {
  const bytes = Buffer.byteLength(body);
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'content-length': bytes, ...headers });
  if (fate === 'cut') response.write(Buffer.from(body).subarray(0, bytes >> 1), () => request.socket.destroy());
  else response.end(request.method === 'HEAD' ? undefined : body);
}

/** Malformed HTTP is answered with JSON too, if the socket is still writable. */
function refuseGarbage(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { body } = problem(error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400, 'The request is not HTTP');
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: Error & { code?: string }) => {
      const next = 'Choose another one with --port, or 0 for any that is free.';
      if (error.code === 'EADDRINUSE') reject(new UsageError(`port ${port} is taken`, next, error));
      else if (error.code === 'EACCES') reject(new UsageError(`port ${port} is not allowed here`, next, error));
      else reject(new InfrastructureError(`the sandbox cannot listen on ${host}:${port}: ${messageOf(error)}`, next, error));
    });
    server.listen(port, host, resolve);
  });
}
