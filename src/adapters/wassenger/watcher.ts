import { type Alias, isFact, isStrange } from '../../core/incoming.ts';
import type { EpochMs } from '../../core/units.ts';
import type { Listed, Watcher } from '../../ports/provider.ts';
import { readAccount, type WassengerAccount } from './api-account.ts';
import { askingClient } from './asking.ts';
import { complaintOf, isFields, readJson } from './body.ts';
import { detailOf, reasonOf } from './classify.ts';
import { directionOf, flatten } from './event-shape.ts';
import { type Exchange, exchange } from './exchange.ts';
import { readWebhook } from './webhook.ts';
import { stateOf } from './webhook-delivery.ts';

/** Messages asked for in one page of the list, and in one chat. */
const PAGE_SIZE = 100;

type Fields = Record<string, unknown>;

/**
 * The Wassenger API, asked for what its webhook would report. What it lists has the shape of the events about it, so it is read as these. That
 * a chat can be listed depends on the plan. Throws UsageError for a key or a base URL that no request could carry.
 */
export function wassengerWatcher(account: WassengerAccount): Watcher {
  const known = readAccount(account);
  const { secret, base, device, now } = known;
  const http = askingClient(known);
  const list = async (url: string, event: (item: Fields) => Fields | Fields[]): Promise<Listed> => {
    const ended = await exchange(http, { url }, now).catch((bug): Exchange => ({ kind: 'lost', code: 'error', detail: String(bug) }));
    if (ended.kind !== 'answered') return { problem: `no answer: ${detailOf(ended, secret)}` };
    const { status, text } = ended.answer;
    const json = readJson(text);
    // A chat that the line does not have is one in which nothing was written.
    if (status === 404 && url.includes('/chat/')) return { facts: [], more: false };
    if (status < 200 || status > 299) return { problem: reasonOf(status, complaintOf(json, secret)) };
    const items = isFields(json) ? [json.data, json.messages, json.items].find(Array.isArray) : json;
    if (!Array.isArray(items)) return { problem: 'the list could not be read' };
    const incoming = readWebhook(items.filter(isFields).flatMap(event), now());
    return { facts: incoming.filter(isFact), strange: incoming.filter(isStrange), more: items.length >= PAGE_SIZE };
  };
  return {
    deliveries: (since: EpochMs, page: number) => {
      const query = new URLSearchParams({
        device,
        createdAfter: new Date(since).toISOString(),
        size: String(PAGE_SIZE),
        page: String(page),
      });
      return list(`${base.url}/messages?${query}`, (item) => deliveryEvent(item, device));
    },
    chat: (name: Alias) => {
      const query = new URLSearchParams({ chat: name.replace(/^\+(\d+)$/, '$1@c.us'), size: String(PAGE_SIZE) });
      return list(`${base.url}/chat/${encodeURIComponent(device)}/messages?${query}`, (item) => chatEvent(item, device));
    },
  };
}

/** Words for the end of a message that never arrived, in `status` or in `deliveryStatus`. */
const FAILED = new Set(['failed', 'expired', 'removed', 'invalid', 'cancelled', 'revoked']);

function deliveryEvent(item: Fields, device: string): Fields {
  const failed = [item.status, item.deliveryStatus].some((word) => FAILED.has(String(word)));
  if (failed) return { event: 'message:out:failed', device, data: item };
  return { event: 'message:out:ack', ack: item.deliveryStatus, device, data: { ...item, flow: 'outbound', ack: item.deliveryStatus } };
}

/** What agents note for each other stands in the chat too, and is left out. Our own message may carry the contact's reaction. */
function chatEvent(given: Fields, device: string): Fields[] {
  const item = flatten({ data: given }).data as Fields;
  if (item.scope === 'note') return [];
  if (directionOf({}, item) !== 'out') return [{ event: 'message:in:new', id: item.id, device, data: item }];
  const reactions = Array.isArray(item.reactions) && item.reactions.length > 0 ? [{ event: 'message:reaction', device, data: item }] : [];
  const isOnItsWay = stateOf({}, item) === undefined;
  return [...(isOnItsWay ? [] : [{ event: 'message:out:ack', device, data: item }]), ...reactions];
}
