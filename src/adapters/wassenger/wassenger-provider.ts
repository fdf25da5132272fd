import { type ClientRequest, type RequestOptions, request } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { got } from 'got';
import type { Finding, LineState, Outcome } from '../../core/outcome.ts';
import { messageOf } from '../../errors.ts';
import type { Listing, OutboundMessage, Provider, Slot } from '../../ports/provider.ts';
import { type Account, NAME } from './api-account.ts';
import { classifyExchange, type Reading } from './classify.ts';
import { type Call, type Exchange, exchange } from './exchange.ts';
import { classifyLookUp, PAGE_SIZE, type Wanted } from './find-message.ts';
import { classifyLine } from './line-state.ts';
import { classifyListing } from './listing.ts';
import { CONNECT_TIMEOUT, readyAgent } from './ready-agent.ts';

/** It can be asked everything. */
export type WassengerProvider = { [Part in keyof Provider]: NonNullable<Provider[Part]> };

/** A request that is not made: no caller waits for it any more. */
const NEVER = new Promise<ClientRequest>(() => undefined);

/** What a look-up asks for, on whichever line where none is named. */
function queryOf(reference: string, device: string | null): string {
  return `${new URLSearchParams({ reference, ...(device === null ? {} : { device }), size: String(PAGE_SIZE) })}`;
}

/**
 * The Wassenger API as a provider. One attempt per call: the HTTP client neither retries nor follows redirects, because a send that is
 * repeated or redirected unseen may reach a person twice.
 */
export function wassengerProvider(account: Account): WassengerProvider {
  const { secret, device, base, timeoutMs, retries, lookUpsPerSecond, proxy, now } = account;
  const agent = readyAgent(base.server.protocol, Math.min(timeoutMs, CONNECT_TIMEOUT), proxy);
  const http = got.extend({
    agent: { http: agent, https: agent as HttpsAgent },
    headers: { token: secret, accept: 'application/json', 'content-type': 'application/json', 'user-agent': 'wsend' },
    timeout: { request: timeoutMs },
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    decompress: false,
    request(url, { method, headers, opens }: RequestOptions & Pick<Slot, 'opens'>) {
      const begin = () => request({ ...base.server, path: url.pathname + url.search, method, headers, agent });
      return opens === undefined ? begin() : opens.then((open) => (open ? begin() : NEVER));
    },
  });
  const messages = `${base.url}/messages`;
  const reading = (): Reading => ({ now: now(), secret });
  const call = (of: Call): Promise<Exchange> =>
    // A bug on the way must not read as "not sent".
    exchange(http, of, now).catch((bug) => ({ kind: 'lost', code: 'error', detail: messageOf(bug) }));

  /** Whether a line is one of this account: what it does not list for a line of another says nothing. */
  const sees = async (line: string): Promise<boolean> => {
    const ended = await call(deviceCall(line));
    const answered = ended.kind === 'answered' && ended.answer.status >= 200 && ended.answer.status < 300;
    return answered && classifyLine(ended, reading()).kind !== 'unreachable';
  };
  const deviceCall = (line: string): Call => ({ url: `${base.url}/devices/${encodeURIComponent(line)}` });

  return {
    name: NAME,
    line: device,
    lookUpsPerSecond,

    async send({ reference, phone, content }: OutboundMessage, slot: Slot): Promise<Outcome> {
      const body = JSON.stringify({ phone, message: content, device, reference, retries });
      return classifyExchange(await call({ url: messages, body, slot }), { reference, phone }, reading());
    },

    async lookUp(wanted: Wanted): Promise<Finding> {
      const { line } = wanted;
      const found = classifyLookUp(await call({ url: `${messages}?${queryOf(wanted.reference, line)}` }), wanted, reading());
      if (found.kind !== 'absent' || line === null || line === device || (await sees(line))) return found;
      const reason = `it was claimed on line ${line}, which this API key does not see: another account may have it`;
      return { kind: 'unsure', reason, reachable: true };
    },

    async list(wanted): Promise<Listing> {
      return classifyListing(await call({ url: `${messages}?${queryOf(wanted.reference, null)}` }), wanted, reading());
    },

    async askLine(): Promise<LineState> {
      return classifyLine(await call(deviceCall(device)), reading());
    },

    async close(): Promise<void> {
      agent.destroy();
    },
  };
}
