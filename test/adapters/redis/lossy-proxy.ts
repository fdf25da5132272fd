import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A way to Redis that loses answers. */
export interface LossyProxy {
  url: string;
  /** Asked for every piece of every answer: true loses it, and breaks the connection, after Redis did what was asked. */
  loses: () => boolean;
  /** Everything clients sent, piece by piece, as it went out. */
  requests: Buffer[];
  close(): Promise<void>;
}

/** Opens a proxy in front of a Redis on this port of the loopback. */
export async function lossyProxy(port: number): Promise<LossyProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const redis = connect(port, '127.0.0.1');
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        redis.destroy();
      });
    }
    client.on('data', (request) => {
      proxy.requests.push(request);
      redis.write(request);
    });
    redis.on('data', (answer) => {
      if (proxy.loses()) client.destroy();
      else client.write(answer);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const proxy: LossyProxy = {
    url: `redis://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    loses: () => false,
    requests: [],
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
