import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import { lazyWassengerProvider } from '../../../src/adapters/wassenger/lazy-provider.ts';
import type { WassengerProvider } from '../../../src/adapters/wassenger/wassenger-provider.ts';
import { DEVICE, KEY } from './sample.ts';

export { DEVICE, KEY, MESSAGE, WANTED } from './sample.ts';
/** Late enough for every test. */
export const LATER = { notAfter: Number.MAX_SAFE_INTEGER };

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Something to be closed after this test. */
export function closing(close: () => unknown): void {
  closers.push(close);
}

/** A provider that is closed after this test. */
export function providerAt(
  baseUrl: string,
  { timeoutMs = 5_000, now = Date.now, apiKey = KEY, device = DEVICE, retries = 3, proxy = null as string | null } = {},
): WassengerProvider {
  const provider = lazyWassengerProvider({ apiKey, device, baseUrl, timeoutMs, proxy, retries, now });
  closing(() => provider.close());
  return provider;
}

/** A plain TCP server: `serve` does with each connection what it likes. Tells the base URL and every byte that came in. */
export async function tcpServer(
  serve: (socket: Socket, connection: number) => void,
): Promise<{ url: string; received: () => string; connections: () => number; server: Server }> {
  const sockets = new Set<Socket>();
  let received = '';
  let connections = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    serve(socket, ++connections);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    received: () => received,
    connections: () => connections,
    server,
  };
}

/** A server that answers each request with these bytes, piece by piece, and then does `after`. */
export function answering(pieces: string[], after: (socket: Socket) => void = () => {}) {
  return tcpServer((socket) => {
    socket.on('data', async () => {
      for (const piece of pieces) {
        if (socket.destroyed) return;
        socket.write(piece);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      after(socket);
    });
  });
}

/** A whole HTTP answer. */
export function http(status: string, body = '', headers = ''): string {
  return `HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
}
