import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';

/** Where a tunnel leads to. */
export interface Target {
  host?: string | null;
  port?: number | string | null;
}

/**
 * Asks a proxy for a tunnel (CONNECT). What goes through it is the caller's; until `done` has it nothing of a request has left, and whatever
 * fails before is an error that names the proxy, without the password in its address. The returned function gives it up.
 */
export function openTunnel(proxy: string, { host, port }: Target, done: (error: Error | null, socket?: Socket) => void): () => void {
  const { protocol, hostname, port: at, username, password } = new URL(proxy);
  const name = `the proxy ${hostname}${at === '' ? '' : `:${at}`}`;
  const target = `${host?.includes(':') ? `[${host}]` : host}:${port}`;
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const asked = (protocol === 'https:' ? https : http).request({
    ...{ protocol, host: hostname.replace(/^\[|\]$/g, ''), port: at, agent: false },
    ...{ method: 'CONNECT', path: target },
    headers: { host: target, ...(user === ':' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(user).toString('base64')}` }) },
  });
  asked.once('connect', ({ statusCode = 0 }, socket: Socket, head: Buffer) => {
    if (statusCode >= 200 && statusCode < 300) {
      if (head.length > 0) socket.unshift(head);
      return done(null, socket);
    }
    socket.destroy();
    const why = statusCode === 407 ? 'wants another user name and password' : 'opens no way to the server';
    done(Object.assign(new Error(`${name} ${why}: it answers ${statusCode}`), { code: 'EPROXY' }));
  });
  asked.once('error', (error: NodeJS.ErrnoException) => {
    done(Object.assign(new Error(`${name} cannot be used: ${error.message}`), { code: error.code ?? 'EPROXY' }));
  });
  asked.end();
  return () => asked.destroy();
}
