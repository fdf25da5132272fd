import type { Advice } from '../../ports/provider.ts';
import { isFields } from './body.ts';
import { PATH, SHOWN_PATH } from './webhook.ts';

type Fields = Record<string, unknown>;

/** What is lost without each of the events that wsend needs. */
const NEEDED = new Map([
  ['message:in:new', 'replies and STOP'],
  ['message:out:failed', 'what failed after it was accepted'],
  ['message:out:ack', 'what was delivered and read'],
]);
/** Words for a webhook that is called no more. */
const SILENT = new Set(['failed', 'error', 'disabled', 'inactive', 'paused', 'suspended', 'removed', 'invalid']);

/**
 * What is wrong with our webhook in the list of `GET /webhooks`; null where that is no list. Addresses in it hold secrets, ours and those of others:
 * none is shown.
 */
export function webhookAdvice(
  json: unknown,
  { url, secret, device }: { url: string | null; secret: string; device: string },
): Advice[] | null {
  const list = isFields(json) ? [json.data, json.webhooks, json.items].find(Array.isArray) : json;
  if (!Array.isArray(list)) return null;
  const address = `${url ?? 'https://…'}${SHOWN_PATH}`;
  const isOurs = (hook: Fields) => reaches(hook.url, { url, secret }) && [undefined, null, '', device].includes(deviceOf(hook) as string);
  const ours = list.filter(isFields).filter(isOurs);
  const events = `the events ${[...NEEDED.keys()].join(', ')}`;
  if (ours.length === 0)
    return [
      {
        seen: `Wassenger calls no webhook at ${address} for this device`,
        next: `Make one with that address and ${events} ("Connect it" in docs/replies.md has the command).`,
      },
    ];
  const called = ours.filter((hook) => !SILENT.has(String(hook.status)) && hook.active !== false);
  if (called.length === 0)
    return [
      {
        seen: `the webhook at ${address} is ${SILENT.has(String(ours[0]?.status)) ? ours[0]?.status : 'switched off'}: Wassenger no longer calls it`,
        next: 'See that wsend listen is reached there, then enable it again in the Wassenger console.',
      },
    ];
  if (!called.every(({ events }) => Array.isArray(events))) return [];
  const told = called.flatMap(({ events }) => events as unknown[]).map(String);
  const missing = [...NEEDED].filter(([event]) => !told.some((name) => covers(name, event)));
  if (missing.length === 0) return [];
  return [
    {
      seen: `the webhook at ${address} does not report ${missing.map(([event, what]) => `${event} (${what})`).join(', ')}`,
      next: `Give it ${events}, as far as the plan has them.`,
    },
  ];
}

/** Whether calls to an address arrive at a listener with this secret. */
function reaches(given: unknown, { url, secret }: { url: string | null; secret: string }): boolean {
  const plain = (text: unknown) => (typeof text === 'string' && URL.canParse(text) ? new URL(text) : null);
  const seen = plain(given);
  const path = `${PATH}/${secret}`;
  if (seen === null) return false;
  if (url === null) return seen.pathname.replace(/\/+$/, '').endsWith(path);
  const wanted = plain(`${url}${path}`);
  return wanted !== null && seen.origin === wanted.origin && seen.pathname.replace(/\/+$/, '') === wanted.pathname;
}

/** The line that a webhook is for; where it names none it is for all of the account. */
function deviceOf({ device }: Fields): unknown {
  return isFields(device) ? device.id : device;
}

/** A name with a star at its end stands for all that begin so. */
function covers(name: string, event: string): boolean {
  return name === event || name === 'all' || (name.endsWith('*') && event.startsWith(name.slice(0, -1)));
}
