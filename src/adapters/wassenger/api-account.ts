import type { EpochMs, Milliseconds } from '../../core/units.ts';
import { UsageError } from '../../errors.ts';

/** The provider's name, as people know it. */
export const NAME = 'Wassenger';

/** Where to send, and with which account, as configured. */
export interface WassengerAccount {
  /** The API key; a pasted `Token ` or `Bearer ` before it is taken off. */
  apiKey: string;
  /** Device id: the line. */
  device: string;
  /** Such as `https://api.wassenger.com/v1`. */
  baseUrl: string;
  /** One whole call, from the start to the end of its answer. */
  timeoutMs: Milliseconds;
  /** The address of the proxy that leads there; null or none for the direct way. */
  proxy?: string | null | undefined;
  /** The last part of our webhook's address, where it is configured. */
  webhookSecret?: string | undefined;
  /** How often the provider itself tries to deliver what it took, 0 to 100; by its own count (25) where it is not given. */
  retries?: number | undefined;
  /** Look-ups that may begin in a second; as many as anybody may ask where it is missing. */
  lookUpsPerSecond?: number;
  now: () => EpochMs;
}

/** The same, such as a request can carry it. */
export interface Account extends Omit<WassengerAccount, 'apiKey' | 'baseUrl'> {
  secret: string;
  lookUpsPerSecond: number;
  /** Without its last slash, and the server in node's terms: handing over just these spares each call a twelfth of its work. */
  base: { url: string; server: { protocol: string; host: string; port: string } };
}

/** Reads an account; UsageError for a key or a base URL that no request could carry. */
export function readAccount({ apiKey, baseUrl, lookUpsPerSecond = Number.POSITIVE_INFINITY, ...rest }: WassengerAccount): Account {
  return { ...rest, lookUpsPerSecond, secret: cleanKey(apiKey), base: cleanBase(baseUrl) };
}

/** The bare key: white space around it and a pasted `Token ` or `Bearer ` taken off. Throws UsageError when no header could carry the rest. */
export function cleanKey(pasted: string): string {
  const key = pasted
    .trim()
    .replace(/^(token|bearer)(\s*:\s*|\s+|$)/i, '')
    .trim();
  if (key === '' || !/^[\x20-\x7e]+$/.test(key)) {
    throw new UsageError(
      key === '' ? 'the API key is empty' : 'the API key contains a character that no API key has (a line break, an accent)',
      'Copy the key again from the Wassenger console into WASSENGER_API_KEY.',
    );
  }
  return key;
}

function cleanBase(given: string): Account['base'] {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new UsageError(
      'the base URL of the Wassenger API is not an http or https address',
      'Set WASSENGER_BASE_URL, such as https://api.wassenger.com/v1.',
    );
  }
  return {
    url: `${url.origin}${url.pathname}`.replace(/\/+$/, ''),
    server: { protocol: url.protocol, host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port },
  };
}
