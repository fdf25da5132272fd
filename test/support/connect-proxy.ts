import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** A proxy that opens tunnels (CONNECT). */
export interface ConnectProxy {
  url: string;
  /** What was asked for: `host:port`, and who asked. */
  asked: { target: string; user: string | undefined }[];
  /** What it does with the next ones: a status, or nothing at all. */
  answer: number | 'nothing';
  close(): void;
}

/** Starts one on a free port. Wherever a tunnel is to lead, it leads to `port` of this machine. */
export async function connectProxy(port: number): Promise<ConnectProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((_request, response) => void response.writeHead(405).end());
  const proxy: ConnectProxy = {
    url: '',
    asked: [],
    answer: 200,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
  const kept = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket));
    return socket;
  };
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    proxy.asked.push({ target: request.url ?? '', user: request.headers['proxy-authorization'] });
    kept(socket);
    if (proxy.answer === 'nothing') return;
    if (proxy.answer !== 200) return void socket.end(`HTTP/1.1 ${proxy.answer} No\r\ncontent-length: 0\r\n\r\n`);
    const there = kept(
      connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        socket.pipe(there).pipe(socket);
      }),
    );
    socket.once('close', () => there.destroy());
    there.once('close', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}
