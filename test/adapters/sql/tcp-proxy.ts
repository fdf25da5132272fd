import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A loopback port in front of a server, whose line can be made bad. */
export interface TcpProxy {
  /** The server's address through the proxy. */
  url: string;
  /** `up`: passes everything on. `silent`: takes connections and bytes, and passes nothing on. `down`: breaks and refuses connections. */
  set(state: 'up' | 'silent' | 'down'): Promise<void>;
  close(): Promise<void>;
}

/** Starts a proxy in front of the server of `target`. */
export async function tcpProxy(target: string): Promise<TcpProxy> {
  const to = new URL(target);
  const open = new Set<Socket>();
  let silent = false;
  const server = createServer((client) => {
    const upstream = connect(Number(to.port || (to.protocol.startsWith('postgres') ? 5432 : 3306)), to.hostname);
    for (const [from, into] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from);
      from.on('data', (bytes) => silent || into.write(bytes));
      from.on('error', () => {});
      from.on('close', () => {
        open.delete(from);
        into.destroy();
      });
    }
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as { port: number }).port;
  };
  const stop = async () => {
    for (const socket of open) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  const port = await listen(0);
  const url = new URL(target);
  url.host = `127.0.0.1:${port}`;
  return {
    url: url.href,
    async set(state) {
      silent = state === 'silent';
      if (state === 'down') await stop();
      else if (!server.listening) await listen(port);
    },
    close: stop,
  };
}
