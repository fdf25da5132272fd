import { describe, expect, it } from 'vitest';
import { type Control, knowNothing, remember } from '../../src/core/list-knowledge.ts';
import type { Finding } from '../../src/core/outcome.ts';
import { lookUpReference, type Means, type Sought } from '../../src/loop/look-up.ts';
import { MemoryProvider } from '../support/memory-provider.ts';
import { SimClock } from '../support/sim-clock.ts';

const HOUR = 3_600_000;
const WANTED = { reference: 'wsend-42-1-abcdefgh', phone: '+2290190000001', line: 'line-1' };
const ABSENT: Finding = { kind: 'absent' };
const FOUND: Finding = { kind: 'found', providerId: 'p', whatsappId: null, failure: null };

/** A provider's list: what it shows of which reference, `ms` after the search began. */
type List = (reference: string, ms: number) => boolean;

/** Searches for WANTED; `accepted` says at which moments, from the beginning of the search, something else was. */
function search(
  shows: List,
  { accepted = [-3_000], earlier = [], since }: { accepted?: number[]; earlier?: number[]; since?: number | null } = {},
) {
  const clock = new SimClock();
  const begin = clock.now();
  const asked: string[] = [];
  const control = (ms: number): Control => ({ reference: `at ${ms}`, phone: '+2290190000002', line: null, at: begin + ms });
  const means: Means = {
    clock,
    lookupMs: 10_000,
    list: knowNothing(),
    readEarlier: async () => earlier.map(control),
    async lookUp({ reference }) {
      asked.push(reference);
      return shows(reference, clock.now() - begin) ? FOUND : ABSENT;
    },
  };
  for (const ms of accepted.filter((at) => at <= 0)) remember(means.list, control(ms));
  for (const ms of accepted.filter((at) => at > 0)) void clock.sleep(begin + ms).then(() => remember(means.list, control(ms)));
  const sought: Sought = { ...WANTED, ...(since === undefined ? {} : { ageMs: since === null ? null : -since }) };
  return clock.run(lookUpReference(means, sought).then(({ kind }) => ({ kind, ms: clock.now() - begin, questions: asked.length, means })));
}

/** A list that shows what was accepted `lag` ms ago, and never what was looked for. */
const lagging =
  (lag: number): List =>
  (reference, ms) =>
    reference !== WANTED.reference && ms - Number(reference.slice(3)) >= lag;

describe('what the provider does not list is absent', () => {
  it('when its list shows all the time what it accepted before', async () => {
    expect(await search(lagging(0))).toMatchObject({ kind: 'absent', ms: 10_000, questions: 16 });
  });

  it('found is final at once, and costs no question more', async () => {
    expect(await search(() => true)).toMatchObject({ kind: 'found', ms: 0, questions: 1 });
  });

  it.each([1_000, 3_000, 5_000, 8_000])(
    'after longer when its list is %i ms late, for what was looked for is that late, too',
    async (lag) => {
      const { kind, ms } = await search(lagging(lag), { accepted: [-60_000, -30_000, -9_000, -6_000, -3_000] });
      expect(kind).toBe('absent');
      expect(ms).toBeGreaterThanOrEqual(Math.max(10_000, lag));
    },
  );

  it('of an earlier run, when the list shows what the database has as accepted near it', async () => {
    const earlier = [-65_000, -70_000];
    expect(await search(lagging(0), { accepted: [], earlier, since: -60_000 })).toMatchObject({ kind: 'absent', ms: 10_000 });
    expect(await search(lagging(0), { accepted: [], earlier, since: null })).toMatchObject({ kind: 'absent' });
  });

  it('once something was accepted after it and is listed, when nothing was before', async () => {
    expect(await search(lagging(0), { accepted: [3_000, 6_000] })).toMatchObject({ kind: 'absent', ms: 15_000 });
  });

  it('after longer, when the last that was accepted is older than the search takes', async () => {
    expect(await search(lagging(0), { accepted: [-60_000] })).toMatchObject({ kind: 'absent', ms: 65_000 });
  });

  it('ten minutes later, whatever the list shows', async () => {
    expect(await search(lagging(0), { accepted: [], earlier: [-HOUR], since: -600_000 })).toMatchObject({ kind: 'absent' });
  });
});

const BEFORE_AND_AFTER = [-60_000, -30_000, -9_000, -6_000, -3_000, 3_000, 6_000, 9_000, 12_000, 15_000, 18_000, 21_000];

/** A list that shows what was looked for, too, and has turned late with the last that was accepted before it. */
function turned(lag: number): List {
  return (reference, ms) => {
    const at = reference === WANTED.reference ? 0 : Number(reference.slice(3));
    return ms - at >= (at < -4_000 ? 0 : lag);
  };
}

it('a list that turns late, by however much, never makes what was accepted absent', async () => {
  for (let lag = 500; lag <= 40_000; lag += 500) {
    for (const accepted of [BEFORE_AND_AFTER, BEFORE_AND_AFTER.filter((ms) => ms < 0)]) {
      const { kind } = await search(turned(lag), { accepted });
      expect([lag, kind === 'found' || kind === 'unsure']).toEqual([lag, true]);
      if (lag <= 20_000) expect([lag, kind]).toEqual([lag, 'found']);
    }
  }
});

describe('it is in doubt', () => {
  const DOUBT = { kind: 'unsure', ms: 30_000 };

  it('when the list is always empty', async () => {
    expect(await search(() => false, { accepted: [-9_000, -6_000, -3_000] })).toMatchObject(DOUBT);
  });

  it('when nothing is known that the list must show', async () => {
    expect(await search(() => false, { accepted: [] })).toMatchObject(DOUBT);
  });

  it('when what the list shows was accepted long before', async () => {
    expect(await search(lagging(0), { accepted: [], earlier: [-HOUR], since: -20_000 })).toMatchObject(DOUBT);
  });

  it.each([60_000, 120_000])('when the list has turned %i ms late, although it was quick before', async (lag) => {
    expect((await search(turned(lag), { accepted: BEFORE_AND_AFTER })).kind).toBe('unsure');
  });

  it('when the list stands still from just before it was sent: what is accepted after it is not listed either', async () => {
    const still: List = (reference) => Number(reference.slice(3)) < 0;
    expect(await search(still, { accepted: [-6_000, -3_000, 3_000, 6_000, 9_000, 12_000, 15_000, 18_000] })).toMatchObject(DOUBT);
  });

  it('where the list loses 40 % of its messages, anew each time: less than once in a thousand it is called absent', async () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const kinds: Record<string, number> = {};
    for (let i = 0; i < 5_000; i += 1) {
      const { kind } = await search(() => random() >= 0.4, { accepted: [-3_000] });
      kinds[kind] = (kinds[kind] ?? 0) + 1;
    }
    expect(kinds.absent ?? 0).toBeLessThan(5);
  });
});

it.each([HOUR, -HOUR])('a clock that is set by %i ms does not make the search for a reference shorter or longer', async (step) => {
  const clock = new SimClock();
  const begin = clock.now();
  const provider = new MemoryProvider(clock);
  let looks = 0;
  const list = knowNothing();
  remember(list, { reference: 'other', phone: WANTED.phone, line: null, at: begin - 3_000 });
  const means: Means = {
    ...{ clock, list, lookupMs: 10_000, readEarlier: async () => [] },
    async lookUp({ reference }) {
      if (reference === 'other') return FOUND;
      looks += 1;
      if (looks === 2) {
        clock.step(step);
        remember(list, { reference: 'other', phone: WANTED.phone, line: null, at: clock.now() });
      }
      return provider.lookUp(WANTED);
    },
  };
  const finding = await clock.run(lookUpReference(means, WANTED));
  expect([finding.kind, looks, clock.now() - step - begin]).toEqual(['absent', 4, 10_000]);
});
