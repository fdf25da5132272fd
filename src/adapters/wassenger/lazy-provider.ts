import { NAME, readAccount, type WassengerAccount } from './api-account.ts';
import type { WassengerProvider } from './wassenger-provider.ts';

/**
 * The Wassenger API as a provider whose HTTP client is loaded with the first call: a run has its checkpoint by then. Throws UsageError at
 * once for a key or a base URL that no request could carry.
 */
export function lazyWassengerProvider(account: WassengerAccount): WassengerProvider {
  const read = readAccount(account);
  let loaded: Promise<WassengerProvider> | undefined;
  const load = () => {
    loaded ??= import('./wassenger-provider.ts').then(({ wassengerProvider }) => wassengerProvider(read));
    return loaded;
  };
  return {
    name: NAME,
    line: account.device,
    lookUpsPerSecond: read.lookUpsPerSecond,
    send: async (message, slot) => (await load()).send(message, slot),
    lookUp: async (message) => (await load()).lookUp(message),
    list: async (wanted) => (await load()).list(wanted),
    askLine: async () => (await load()).askLine(),
    close: async () => (await loaded)?.close(),
  };
}
