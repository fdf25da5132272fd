import { NAME as WASSENGER } from './adapters/wassenger/api-account.ts';
import type { EpochMs, Milliseconds } from './core/units.ts';
import type { Provider, Setup, Watcher, Webhook } from './ports/provider.ts';
import { type ProviderSettings, WASSENGER_SETTINGS } from './settings.ts';

/** An account of a provider, as configured. */
export interface Account {
  /** What the provider's own settings say, as texts; an empty one is not set. */
  values: Record<string, string>;
  line: string;
  baseUrl: string;
  /** One whole call. */
  timeoutMs: Milliseconds;
  /** How many look-ups may begin in a second. */
  lookUpsPerSecond: number;
  /** The address of the proxy that leads there, or null. */
  proxy: string | null;
  now: () => EpochMs;
}

/** Everything that is particular to a provider. Its code is loaded when it is called for. */
export interface ProviderEntry extends ProviderSettings {
  /** Throws UsageError for an account that no request could carry. */
  open(account: Account): Promise<Provider>;
  /** How it calls `listen`. */
  webhook(values: Account['values']): Promise<Webhook>;
  /** Asks it for what its webhook would report; null where it cannot be asked. */
  watcher: ((account: Account) => Promise<Watcher>) | null;
  /** Says how a line is set up; null where it tells nothing. */
  setup: ((account: Account) => Promise<Setup>) | null;
  /** Asks an address of ours with GET, as the provider would; null when it answers 200, else what happened, in words that follow it. */
  probe(url: string, timeoutMs: Milliseconds, proxy: string | null): Promise<string | null>;
}

const wassenger: ProviderEntry = {
  name: WASSENGER,
  settings: WASSENGER_SETTINGS,
  place: ({ device = '', baseUrl = '' }) => ({ line: device.toLowerCase(), baseUrl: baseUrl.replace(/\/+$/, '') }),
  open: async (account) => (await import('./adapters/wassenger/lazy-provider.ts')).lazyWassengerProvider(wassengerAccount(account)),
  async webhook({ webhookSecret = '', signingSecret }) {
    const { wassengerWebhook } = await import('./adapters/wassenger/webhook.ts');
    return wassengerWebhook({ secret: webhookSecret, signingSecret: signingSecret || null });
  },
  watcher: async (account) => (await import('./adapters/wassenger/watcher.ts')).wassengerWatcher(wassengerAccount(account)),
  setup: async (account) => (await import('./adapters/wassenger/setup.ts')).wassengerSetup(wassengerAccount(account)),
  probe: async (...address) => (await import('./adapters/wassenger/probe.ts')).probe(...address),
};

function wassengerAccount({ values: { apiKey = '', retries, webhookSecret }, line, ...rest }: Account) {
  return { ...rest, apiKey, device: line, retries: retries ? Number(retries) : undefined, webhookSecret: webhookSecret || undefined };
}

/** Every provider that messages can be sent through; `WSEND_PROVIDER` names one. */
export const PROVIDERS: readonly ProviderEntry[] = [wassenger];

/** The provider whose API the sandbox speaks. */
export const REHEARSED: ProviderEntry = wassenger;
