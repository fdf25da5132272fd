import { createHmac } from 'node:crypto';
import type { Incoming } from '../../../src/core/incoming.ts';
import { toE164 } from '../../../src/core/phone.ts';
import { isSecret } from '../../../src/core/secret.ts';
import type { Webhook } from '../../../src/ports/provider.ts';

const PATH = '/webhooks/pigeon';

/** Pigeon's webhook: one address, a word that is asked for with GET, and a seal over the bytes of each call. */
export function pigeonWebhook({ seal = '', word = '' }: Record<string, string>): Webhook {
  return {
    ...{ path: PATH, shown: PATH, secret: null },
    isGenuine: (body, header) => isSecret(header('x-pigeon-seal') ?? '', createHmac('sha512', seal).update(body).digest('base64')),
    challenge: (query) => (isSecret(query.get('word') ?? '', word) ? query.get('echo') : null),
    read: (body) => (body as { news: Record<string, string>[] }).news.map(factOf),
  };
}

function factOf({ what, pigeon, from = '', to = '', tag, text = '', when }: Record<string, string>): Incoming {
  const at = Date.parse(when ?? '');
  const id = pigeon ?? null;
  if (what === 'note') return { kind: 'reply', waId: String(id), phone: toE164(from) ?? null, text, at, device: null, quoted: null };
  if (what !== 'landed') return { kind: 'ignored', event: String(what), reason: 'it is about something else' };
  const ids = { waId: null, providerId: id };
  return { kind: 'delivery', ids, state: 'delivered', at, failure: null, phone: toE164(to) ?? null, reference: tag ?? null, device: null };
}
