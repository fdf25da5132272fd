import { UsageError } from '../errors.ts';

/** The number of a campaign as typed. */
export function readCampaignId(text: string): number {
  return readCount(text, 'the number of a campaign', 'wsend status lists them.');
}

/** `--port` as typed; 0 is any free one. */
export function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port >= 0 && port <= 65_535) return port;
  throw new UsageError(`--port is "${text}"; allowed: 0 (any free one) to 65535`);
}

/** A whole number from 1 on, as typed; `what` names it in the error. */
export function readCount(text: string, what: string, next?: string): number {
  const count = /^\s*\d+\s*$/.test(text) ? Number(text) : 0;
  if (count >= 1 && Number.isSafeInteger(count)) return count;
  const most = count > Number.MAX_SAFE_INTEGER ? `to ${Number.MAX_SAFE_INTEGER}` : 'on';
  throw new UsageError(`${what} is "${text}"; allowed: a whole number from 1 ${most}`, next);
}
