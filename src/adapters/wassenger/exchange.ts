import type { ClientRequest, IncomingHttpHeaders } from 'node:http';
import type { Got } from 'got';
import type { EpochMs, Milliseconds } from '../../core/units.ts';
import type { Slot } from '../../ports/provider.ts';

/** The most of an answer that is read: 1 MiB, a hundred times what the provider sends. The rest is cut off. */
const ANSWER_LIMIT = 1_048_576;

/** A request leaves within a fraction of this from when it gets its connection. */
const PAUSE: Milliseconds = 1;

/** A status line, its headers, and as much of the body as arrived. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/**
 * How one HTTP call ended.
 *
 * - `answered`: a status line arrived; the body may be cut.
 * - `unsent`: it failed before the request got a connection, so certainly nothing of it left this machine.
 * - `lost`: it failed after that, without a status line.
 */
export type Exchange = { kind: 'answered'; answer: Answer } | { kind: 'unsent' | 'lost'; code: string; detail: string };

/** A request. `body` is JSON for a POST; without one it is a GET. It is written in its slot, if it has one, or not at all. */
export interface Call {
  url: string;
  body?: string;
  slot?: Slot;
}

/**
 * Makes one call. Never rejects, never repeats. The stream of got is used rather than its promise, because it tells the moment at which the
 * request gets its connection and shows the status before the body; it is also the faster one.
 *
 * Got has done its part of the work when the slot opens; only then does node make the request, which takes a fraction of a millisecond.
 * The clock is read when the request gets its connection, in the same tick in which node writes it: a process that was suspended between
 * the call and that moment destroys the request instead.
 */
export function exchange(http: Got, { url, body, slot }: Call, now: () => EpochMs): Promise<Exchange> {
  return new Promise((resolve) => {
    const request = body === undefined ? http.stream.get(url) : http.stream.post(url, { body });
    // Got would build forty of node's options for it, half of its time for one call, that our own `request` (provider.ts) never reads.
    const { options } = request;
    options.createNativeRequestOptions = () => ({ method: options.method, headers: options.headers, opens: slot?.opens }) as never;
    const chunks: Buffer[] = [];
    let size = 0;
    let written = false;
    let startedAt = Number.POSITIVE_INFINITY;
    let response: { statusCode: number; headers: IncomingHttpHeaders } | undefined;

    const finish = (error?: Error & { code?: string }) => {
      if (response !== undefined) {
        resolve({ kind: 'answered', answer: { status: response.statusCode, headers: response.headers, text: textOf(chunks) } });
      } else {
        resolve({
          kind: written ? 'lost' : 'unsent',
          code: error?.code ?? 'ECONNRESET',
          detail: error?.message ?? 'the connection was closed',
        });
      }
    };

    void slot?.opens?.then((open) => {
      if (!open) resolve({ kind: 'unsent', code: 'late', detail: 'sending had stopped before it' });
    });
    request.once('socket', () => {
      const at = now();
      if (slot !== undefined && at > slot.notAfter) {
        resolve({ kind: 'unsent', code: 'late', detail: 'it was too late to send safely' });
        request.destroy();
      } else {
        written = true;
        startedAt = performance.now();
        slot?.onStart?.(at);
      }
    });
    // 101: node takes the connection away from the request, and got would wait for its answer for ever.
    request.once('request', (native: ClientRequest) => {
      // A pause of the process before all of it has left (a collection of garbage, say) must not make the next gap short.
      if (slot?.opens !== undefined)
        native.once('finish', () => {
          if (performance.now() - startedAt > PAUSE) slot.onStart?.(now());
        });
      native.once('upgrade', (_, socket) => {
        finish(Object.assign(new Error('the server changed to another protocol'), { code: 'EPROTO' }));
        socket.destroy();
        request.destroy();
      });
    });
    request.once('response', (first) => {
      response = first;
    });
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > ANSWER_LIMIT) {
        finish();
        request.destroy();
      }
    });
    request.once('end', finish);
    request.on('error', finish);
    request.once('close', finish);
  });
}

function textOf(chunks: Buffer[]): string {
  return (chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)).toString('utf8', 0, ANSWER_LIMIT);
}
