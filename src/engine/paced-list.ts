import { type Milliseconds, SECOND } from '../core/units.ts';
import type { Clock, Listing, ProviderList } from '../ports.ts';

/** Questions in flight at once, however slow the answers are. */
const IN_FLIGHT = 4;
/** How often one question is asked when the provider says "not now". */
const TRIES = 4;
/** Before a question that got no answer is repeated; twice as long each time. */
const ASK_AGAIN_AFTER: Milliseconds = SECOND;

/**
 * The provider's list, asked gently: at most `perSecond` questions begin in a second and few are in flight, whoever asks; a 429 rests everybody
 * for as long as it says, and a question that got no answer is repeated a few times, later and later. Once `stop` is aborted nothing more is
 * asked, and whoever waits is rejected with its reason.
 */
export function pacedList(
  provider: ProviderList,
  { clock, perSecond, stop }: { clock: Clock; perSecond: number; stop: AbortSignal },
): ProviderList['list'] {
  const waiting: (() => void)[] = [];
  let inFlight = 0;
  let next = 0;
  const ask = async (wanted: Parameters<ProviderList['list']>[0]): Promise<Listing> => {
    while (inFlight >= IN_FLIGHT) await new Promise<void>((resolve) => waiting.push(resolve));
    inFlight += 1;
    try {
      while (clock.now() < next && !stop.aborted) await clock.sleep(next, stop);
      stop.throwIfAborted();
      next = clock.now() + SECOND / perSecond;
      return await provider.list(wanted);
    } finally {
      inFlight -= 1;
      waiting.shift()?.();
    }
  };
  return async (wanted) => {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await ask(wanted);
      stop.throwIfAborted();
      if (answer.kind !== 'later' || attempt === TRIES) return answer;
      if (answer.waitMs === null) await clock.sleep(clock.now() + ASK_AGAIN_AFTER * 2 ** (attempt - 1), stop);
      else next = Math.max(next, clock.now() + answer.waitMs);
    }
  };
}
