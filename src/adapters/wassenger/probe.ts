import { got } from 'got';
import type { Milliseconds } from '../../core/units.ts';
import { messageOf } from '../../errors.ts';

/** Asks an address with GET, once; null when it answers 200, else what happened, in words that follow the address. Never rejects. */
export async function probe(url: string, timeoutMs: Milliseconds): Promise<string | null> {
  try {
    const { statusCode } = await got(url, {
      timeout: { request: timeoutMs },
      retry: { limit: 0 },
      followRedirect: false,
      throwHttpErrors: false,
    });
    return statusCode === 200 ? null : `answers ${statusCode}`;
  } catch (error) {
    return `cannot be reached: ${messageOf(error)}`;
  }
}
