import type { Outcome } from '../../../src/core/outcome.ts';
import type { Provider } from '../../../src/ports/provider.ts';
import type { Account } from '../../../src/providers.ts';

export const NAME = 'Pigeon';

/** Pigeon's API: it takes messages, and can be asked nothing at all. */
export function pigeonProvider({ line, baseUrl, values, lookUpsPerSecond, timeoutMs, now }: Account): Provider {
  return {
    ...{ name: NAME, line, lookUpsPerSecond, lookUp: null, list: null, askLine: null },
    async send({ reference, phone, content }, { opens, notAfter, onStart }): Promise<Outcome> {
      if ((await opens) === false || now() > notAfter) return { kind: 'unavailable', code: 'late', reason: 'it was too late' };
      onStart?.(now());
      const body = JSON.stringify({ from: line, to: phone, text: content, tag: reference });
      const headers = { authorization: `Bearer ${values.token}` };
      try {
        const answer = await fetch(`${baseUrl}/birds`, { method: 'POST', body, headers, signal: AbortSignal.timeout(timeoutMs) });
        if (answer.status === 401) return { kind: 'barred', code: 'token', reason: 'the token is refused' };
        const { pigeon } = (await answer.json()) as { pigeon: string };
        return { kind: 'accepted', providerId: pigeon, whatsappId: null };
      } catch {
        return { kind: 'unknown', code: 'lost', reason: 'no pigeon came back', offline: false };
      }
    },
    close: async () => undefined,
  };
}
