import type { Agent as HttpsAgent } from 'node:https';
import { got } from 'got';
import type { Milliseconds } from '../../core/units.ts';
import { messageOf } from '../../errors.ts';
import { CONNECT_TIMEOUT, readyAgent } from './ready-agent.ts';

/** Asks an address with GET, once, through a proxy where there is one; null when it answers 200, else what happened, in words that follow the address. Never rejects. */
export async function probe(url: string, timeoutMs: Milliseconds, proxy: string | null): Promise<string | null> {
  const agent = readyAgent(new URL(url).protocol, Math.min(timeoutMs, CONNECT_TIMEOUT), proxy);
  try {
    const { statusCode } = await got(url, {
      agent: { http: agent, https: agent as HttpsAgent },
      timeout: { request: timeoutMs },
      retry: { limit: 0 },
      followRedirect: false,
      throwHttpErrors: false,
    });
    return statusCode === 200 ? null : `answers ${statusCode}`;
  } catch (error) {
    return `cannot be reached: ${messageOf(error)}`;
  } finally {
    agent.destroy();
  }
}
