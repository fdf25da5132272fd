import { type RequestOptions, request } from 'node:http';
import { type Got, got } from 'got';
import type { Account } from './api-account.ts';
import { CONNECT_TIMEOUT, readyAgent } from './ready-agent.ts';

/** An HTTP client that asks the API and sends nothing. It neither retries nor follows redirects: the caller decides. */
export function askingClient({ secret, base, timeoutMs, proxy }: Account): Got {
  const agent = readyAgent(base.server.protocol, Math.min(timeoutMs, CONNECT_TIMEOUT), proxy);
  return got.extend({
    headers: { token: secret, accept: 'application/json', 'user-agent': 'wsend' },
    timeout: { request: timeoutMs },
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    decompress: false,
    // `exchange` leaves got's own options out.
    request: (url, { method, headers }: RequestOptions) =>
      request({ ...base.server, path: url.pathname + url.search, method, headers, agent }),
  });
}
