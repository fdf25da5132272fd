import type { Setup } from '../../ports/provider.ts';
import { readAccount, type WassengerAccount } from './api-account.ts';
import { askingClient } from './asking.ts';
import { readJson, subject } from './body.ts';
import { exchange } from './exchange.ts';
import { lineAdvice } from './line-advice.ts';
import { webhookAdvice } from './webhook-advice.ts';

/** Most webhooks that one page of their list can hold. */
const MOST_WEBHOOKS = 200;

/** How a line and its webhooks are set up, read from `GET /devices/{id}` and `GET /webhooks`. Throws UsageError for a key or a base URL that no request could carry. */
export function wassengerSetup(account: WassengerAccount): Setup {
  const known = readAccount(account);
  const { secret, base, device, webhookSecret, now } = known;
  const http = askingClient(known);
  /** What an address answers as JSON; undefined where it does not. */
  const read = async (path: string): Promise<unknown> => {
    const ended = await exchange(http, { url: `${base.url}${path}` }, now).catch(() => null);
    const isGood = ended?.kind === 'answered' && ended.answer.status >= 200 && ended.answer.status < 300;
    return isGood ? readJson(ended.answer.text) : undefined;
  };
  return {
    line: async (pace) => lineAdvice(subject(await read(`/devices/${encodeURIComponent(device)}`)), { pace, secret }),
    webhook: async (url) =>
      webhookSecret === undefined
        ? null
        : webhookAdvice(await read(`/webhooks?size=${MOST_WEBHOOKS}`), { url, secret: webhookSecret, device }),
  };
}
