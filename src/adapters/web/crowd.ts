import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Keeps connections that never finish a request from keeping others out: of more than `most` connections that wait for one, the oldest is
 * closed. One whose request is being answered counts as busy and stays.
 */
export function limitCrowd(server: Server, most: number): void {
  const waiting = new Set<Socket>();
  const wait = (socket: Socket) => {
    if (socket.destroyed) return;
    waiting.add(socket);
    const [oldest] = waiting;
    if (waiting.size > most) oldest?.destroy();
  };
  server.on('connection', (socket) => {
    socket.once('close', () => waiting.delete(socket));
    wait(socket);
  });
  server.on('request', (request, response) => {
    const { socket } = request;
    request.once('end', () => waiting.delete(socket));
    response.once('close', () => {
      waiting.delete(socket);
      wait(socket);
    });
  });
}
