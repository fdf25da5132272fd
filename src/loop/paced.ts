import { type Milliseconds, SECOND } from '../core/units.ts';
import type { Clock } from '../ports/clock.ts';

/** Questions in flight at once, however slow the answers are. */
const IN_FLIGHT = 4;
/** How often one question is asked when the provider says "not now". */
const TRIES = 4;
/** Before a question that got no answer is repeated; twice as long each time. */
const ASK_AGAIN_AFTER: Milliseconds = SECOND;

/** How gently. */
export interface Pace<Answer> {
  clock: Clock;
  /** Questions that may begin in a second. */
  perSecond: number;
  /** How long an answer asks to wait before the question is repeated (null: it does not say); undefined for one that is final. */
  waitOf: (answer: Answer) => Milliseconds | null | undefined;
}

/**
 * Questions to the provider, asked gently: at most `perSecond` begin in a second and few are in flight, however many ask; a 429 rests everybody
 * for as long as it says, and a question that got no answer is repeated a few times, later and later. Once `stop` is aborted nothing more is
 * asked, and those who wait are rejected with its reason.
 */
export function paced<Question, Answer>(
  put: (question: Question) => Promise<Answer>,
  { clock, perSecond, waitOf }: Pace<Answer>,
): (question: Question, stop?: AbortSignal) => Promise<Answer> {
  const waiting: (() => void)[] = [];
  let inFlight = 0;
  let rest = { from: 0, ms: 0 };
  // Since the clock was set back the time waited so far is unknown: it is waited again, and no longer than that.
  const left = () => {
    const now = clock.now();
    rest.from = Math.min(rest.from, now);
    return rest.from + rest.ms - now;
  };
  const ask = async (question: Question, stop?: AbortSignal): Promise<Answer> => {
    while (inFlight >= IN_FLIGHT) await new Promise<void>((resolve) => waiting.push(resolve));
    inFlight += 1;
    try {
      while (left() > 0 && !stop?.aborted) await clock.sleep(clock.now() + left(), stop);
      stop?.throwIfAborted();
      rest = { from: clock.now(), ms: SECOND / perSecond };
      return await put(question);
    } finally {
      inFlight -= 1;
      waiting.shift()?.();
    }
  };
  return async (question, stop) => {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await ask(question, stop);
      stop?.throwIfAborted();
      const waitMs = waitOf(answer);
      if (waitMs === undefined || attempt === TRIES) return answer;
      if (waitMs === null) await clock.sleep(clock.now() + ASK_AGAIN_AFTER * 2 ** (attempt - 1), stop);
      else if (waitMs > left()) rest = { from: clock.now(), ms: waitMs };
    }
  };
}
