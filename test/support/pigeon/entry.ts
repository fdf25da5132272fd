import * as z from 'zod/mini';
import type { ProviderEntry } from '../../../src/providers.ts';
import type { Setting } from '../../../src/settings.ts';
import { NAME, pigeonProvider } from './provider.ts';
import { pigeonWebhook } from './webhook.ts';

function setting(variable: string, about: string, needed: Setting['needed'] & {}): Setting {
  return { variable, flag: null, fallback: '', allowed: 'a text', about, schema: z.string(), needed };
}

/** The line of Pigeon in the table of providers. */
export const pigeon: ProviderEntry = {
  name: NAME,
  settings: {
    token: setting('PIGEON_TOKEN', 'The token of the account.', 'send'),
    loft: setting('PIGEON_LOFT', 'Where the pigeons start.', 'send'),
    url: setting('PIGEON_URL', 'Where the API is.', 'send'),
    seal: setting('PIGEON_SEAL', 'What calls are sealed with.', 'webhook'),
    word: setting('PIGEON_WORD', 'What the webhook is asked for.', 'webhook'),
  },
  place: ({ loft = '', url = '' }) => ({ line: loft, baseUrl: url }),
  open: async (account) => pigeonProvider(account),
  webhook: async (values) => pigeonWebhook(values),
  watcher: null,
  setup: null,
  probe: async (url) => ((await fetch(url)).status === 200 ? null : 'does not answer'),
};
