import { expect, it } from 'vitest';
import { knowNothing, remember } from '../../src/core/list-knowledge.ts';
import type { Finding } from '../../src/core/outcome.ts';
import { lookUpAll, type Wanted } from '../../src/loop/look-up.ts';
import { paced } from '../../src/loop/paced.ts';
import { SimClock } from '../support/sim-clock.ts';

const FOUND: Finding = { kind: 'found', providerId: 'p', whatsappId: null, failure: null };
const THROTTLED: Finding = { kind: 'unsure', reason: 'too many requests (429)', reachable: false, askAgainAfterMs: 30_000 };

/** Look-ups of 69 people whose messages a lost checkpoint does not know of, at 5 a second; `answer` says what the n-th question gets. */
async function lookUp69(answer: (nth: number) => Finding) {
  const clock = new SimClock();
  const begin = clock.now();
  const asked: number[] = [];
  const lookUp = paced(
    async (_: Wanted) => {
      asked.push(clock.now() - begin);
      return answer(asked.length);
    },
    { clock, perSecond: 5, waitOf: (finding) => (finding.kind === 'unsure' ? (finding.askAgainAfterMs ?? undefined) : undefined) },
  );
  const list = knowNothing();
  remember(list, { reference: 'other', phone: '+2290190000000', line: null, at: begin - 3_000 });
  const wanted = Array.from({ length: 69 }, (_, i) => ({ reference: `wsend-42-${i}-x`, phone: '+2290190000001', line: null, ageMs: null }));
  const findings = await clock.run(lookUpAll({ lookUp, clock, lookupMs: 10_000, list, readEarlier: async () => [] }, wanted));
  return { asked, kinds: new Set(findings.map(({ kind }) => kind)) };
}

it('many look-ups begin no faster than the provider is to be asked', async () => {
  const { asked, kinds } = await lookUp69(() => FOUND);
  expect(kinds).toEqual(new Set(['found']));
  expect(asked).toHaveLength(69);
  expect(Math.min(...asked.slice(1).map((at, i) => at - (asked[i] as number)))).toBeGreaterThanOrEqual(200);
});

it('a 429 rests whoever asks for as long as it says, and nobody is in doubt for it', async () => {
  const { asked, kinds } = await lookUp69((nth) => (nth === 20 ? THROTTLED : FOUND));
  expect(kinds).toEqual(new Set(['found']));
  const rests = asked.slice(1).map((at, i) => at - (asked[i] as number));
  expect(rests.filter((ms) => ms >= 29_000)).toHaveLength(1);
});

it('a clock that is set back makes nobody wait longer than a rest is long', async () => {
  const clock = new SimClock();
  const begin = clock.now();
  const ask = paced(async () => 'answer', { clock, perSecond: 5, waitOf: () => undefined });
  await clock.run(ask('first'));
  clock.step(-3_600_000);
  await clock.run(ask('second'));
  expect(clock.now() + 3_600_000 - begin).toBeLessThanOrEqual(200);
});
