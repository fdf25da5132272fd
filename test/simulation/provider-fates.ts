import type { OutboundMessage } from '../../src/ports/provider.ts';
import { accepted, answers, invalid, unexpected, unknown } from '../support/answers.ts';
import type { Behaviour } from '../support/memory-provider.ts';
import { Random, seedOf } from './random.ts';
import type { Scenario } from './scenario.ts';

/** Calls for one message that may go wrong. */
const CALLS_IN_TROUBLE = 5;
/** Attempts that may be used up: one less than there are, so that every message has an end that no stop changes. */
const ATTEMPTS_IN_TROUBLE = 2;

/** Which numbers the provider refuses for good. */
export function refusal({ seed, refused }: Scenario): (phone: string) => boolean {
  return (phone) => new Random(seedOf(`${seed} ${phone}`)).chance(refused);
}

/** What the provider does with each call: the same for the n-th call of a message, whenever it is made and by whom. */
export function behaviourOf({ scenario, refuses }: { scenario: Scenario; refuses: (phone: string) => boolean }) {
  const calls = new Map<string, number>();
  const usedUp = new Map<string, number>();
  return (_: number, { reference, phone }: OutboundMessage): Behaviour => {
    const call = (calls.get(reference) ?? 0) + 1;
    calls.set(reference, call);
    const random = new Random(seedOf(`${scenario.seed} ${reference} ${call}`));
    const latencyMs = random.pick([0, 30, 200, 200, 2_900, 12_000]);
    const goesWrong = call <= CALLS_IN_TROUBLE && random.chance(scenario.trouble);
    const isOdd =
      call <= CALLS_IN_TROUBLE &&
      !refuses(phone) &&
      new Random(seedOf(`odd ${scenario.seed} ${reference} ${call}`)).chance(scenario.unexpected);
    if (!goesWrong && isOdd) return answers(unexpected, true, latencyMs);
    if (!goesWrong) return refuses(phone) ? answers(invalid, false, latencyMs) : answers(accepted, true, latencyMs);

    const attempts = usedUp.get(reference) ?? 0;
    const kinds = ['throttled', 'unavailable', 'barred', 'offline', attempts < ATTEMPTS_IN_TROUBLE ? 'absent' : 'offline', 'lost', 'lost'];
    switch (random.pick(kinds)) {
      case 'throttled':
        return answers({ kind: 'throttled', retryAfterMs: random.pick([null, 0, 5_000]), reason: 'slow down' }, false, latencyMs);
      case 'unavailable':
        return answers({ kind: 'unavailable', code: 'ECONNREFUSED', reason: 'refused' }, false, latencyMs);
      case 'barred':
        return answers({ kind: 'barred', code: 'http:401', reason: 'bad key' }, false, latencyMs);
      case 'offline':
        return answers(unknown('http:503', true), false, latencyMs);
      case 'absent':
        usedUp.set(reference, attempts + 1);
        return answers(unknown('http:502'), false, latencyMs);
      default: {
        const takes = !refuses(phone);
        if (!takes) usedUp.set(reference, attempts + 1);
        if (!takes && attempts >= ATTEMPTS_IN_TROUBLE) return answers(invalid, false, latencyMs);
        const arrivesAfterMs = random.int(0, scenario.arrivesAfterMs);
        return { ...answers(unknown('timeout', random.chance(0.3)), takes, latencyMs), arrivesAfterMs };
      }
    }
  };
}
