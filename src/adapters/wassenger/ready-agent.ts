import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import { type Milliseconds, SECOND } from '../../core/units.ts';
import { openTunnel, type Target } from './tunnel.ts';

/**
 * How long an idle connection is kept: less than the 5 s after which common servers close theirs, so that a send seldom meets a connection
 * that is just being closed. Such a reset counts as unknown and costs a look-up. Our caution, not the provider's rule.
 */
const KEPT_IDLE: Milliseconds = 4 * SECOND;

/**
 * A keep-alive agent for `protocol` (`http:` or `https:`) that hands a request only a socket that is ready (connected, and secured), through a
 * tunnel of the proxy where there is one. So a request that never got a socket certainly never left this machine, and one that gets it is
 * written in that same tick. No socket within `connectTimeoutMs` is an error with code `ETIMEDOUT`.
 */
export function readyAgent(protocol: string, connectTimeoutMs: Milliseconds, proxy: string | null = null): HttpAgent {
  const secure = protocol === 'https:';
  const options = { keepAlive: true, timeout: KEPT_IDLE };
  const agent = secure ? new HttpsAgent(options) : new HttpAgent(options);
  const open = agent.createConnection.bind(agent) as (to: object) => Socket;
  agent.createConnection = (to, done) => {
    let giveUp: (error: Error) => void;
    let told = false;
    const tell = (error: Error | null, socket?: Socket) => {
      if (told) return;
      told = true;
      clearTimeout(timer);
      done?.(error, socket as Socket);
    };
    const timer = setTimeout(() => giveUp(connectTimeout(connectTimeoutMs)), connectTimeoutMs);
    const begin = (socket: Socket, isReady: boolean) => {
      giveUp = (error) => socket.destroy(error);
      socket.on('error', tell);
      socket.once('close', () => tell(new Error('the connection was closed before it was ready')));
      if (isReady) tell(null, socket);
      else socket.once(secure ? 'secureConnect' : 'connect', () => tell(null, socket));
    };
    if (proxy === null) begin(open(to), false);
    else {
      const leave = openTunnel(proxy, to as Target, (error, socket) => {
        if (socket === undefined) tell(error);
        else if (told) socket.destroy();
        else begin(secure ? open({ ...to, socket }) : socket, !secure);
      });
      giveUp = (error) => {
        tell(error);
        leave();
      };
    }
    return undefined;
  };
  return agent;
}

/** The longest wait for a connection, inside the whole call's timeout: a handshake over a slow line takes a few seconds. Our caution. */
export const CONNECT_TIMEOUT: Milliseconds = 10 * SECOND;

function connectTimeout(ms: Milliseconds): Error {
  return Object.assign(new Error(`no connection within ${ms / SECOND} s`), { code: 'ETIMEDOUT' });
}
