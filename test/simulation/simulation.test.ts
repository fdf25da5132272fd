import { describe, expect, it } from 'vitest';
import type { Fields } from '../../src/core/checkpoint.ts';
import type { Lease } from '../../src/ports/leases.ts';
import type { MemoryLeases } from '../support/memory-leases.ts';
import { failure } from './main.ts';
import { play } from './play.ts';
import type { Scenario } from './scenario.ts';
import type { Shared } from './shared.ts';

/** How many seeds are played here; `npm run simulate -- --seeds 5000` plays more. */
const SEEDS = Number(process.env.WSEND_SIMULATION_SEEDS ?? 200);

/** A message whose time nobody knew, in a list that was a minute late; and beyond the first hundreds: a claim whose process ended during its look-up, a retry that left a finished checkpoint behind, a word after the summary, a doubt that its own run settled. */
const FOUND_SOMETHING = [191, 1_717, 1_861, 3_781, 4_559, 4_564, 4_874, 6_268, 7_142, 7_843, 3_817, 4_368, 6_309, 16_028];

describe('whatever goes wrong, in whatever order', () => {
  it(`nobody gets it twice, nobody is forgotten, and the line is never used too fast (${SEEDS} seeds)`, async () => {
    const bad: string[] = [];
    const all = { processes: 0, written: 0 };
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const played = await play(seed);
      all.processes += played.processes;
      all.written += played.written;
      if (played.violations.length > 0) bad.push(failure(played));
    }
    expect(bad).toEqual([]);
    expect(all.processes).toBeGreaterThan(3 * SEEDS);
    expect(all.written).toBeGreaterThan(10 * SEEDS);
  });

  it.each(FOUND_SOMETHING)('seed %i, which has found something before', async (seed) => {
    expect((await play(seed)).violations).toEqual([]);
  });

  it.each([
    ['is always empty', { listLoses: 1 }],
    ['loses 40 % of what it should show', { listLoses: 0.4 }],
    ['is 15 s late', { listedAfterMs: 15_000 }],
  ])('a list that %s makes nobody get it twice', async (_, how) => {
    const bad: string[] = [];
    for (let seed = 1; seed <= SEEDS / 4; seed += 1) {
      const played = await play(seed, { sabotage: ({ scenario }) => void Object.assign(scenario, { unexpected: 0.3, ...how }) });
      if (played.violations.length > 0) bad.push(failure(played));
    }
    expect(bad).toEqual([]);
  });

  it('a seed plays the same each time, step by step', async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const [first, second]: string[][] = [[], []];
      await play(seed, { trace: (line) => first?.push(line) });
      await play(seed, { trace: (line) => second?.push(line) });
      expect(second).toEqual(first);
    }
  });
});

describe('a world that breaks its word is found out', () => {
  it.each<[string, (shared: Shared) => void, RegExp]>([
    ['a checkpoint that forgets claims', (shared) => forgetting(shared, (field) => /"is":"claim"/.test(field)), /durable claim/],
    [
      'a checkpoint that forgets outcomes',
      (shared) => forgetting(shared, (field) => /"is":"outcome"/.test(field)),
      /twice|counters|ends as|holds/,
    ],
    ['a checkpoint that forgets the pace', (shared) => forgetting(shared, (field) => /"lastStart"/.test(field)), /less than the delay/],
    ['a checkpoint that lets every epoch write', letEveryEpochWrite, /has the lease|durable claim|holds|twice/],
    ['a checkpoint that is called complete when it is opened', knowAtOpening, /twice/],
    ['any checkpoint is trusted that is not empty', trustWhatIsThere, /twice/],
    ['a lease that a run takes again', takeAgain, /has the lease|twice/],
    ['a provider that lists only what it has confirmed', listConfirmed, /twice/],
    ['a database that forgets what it was told', forgetRecords, /twice/],
  ])('%s', async (_, sabotage, found) => {
    const violations: string[] = [];
    for (let seed = 1; seed <= 150 && !violations.some((text) => found.test(text)); seed += 1)
      violations.push(...(await play(seed, { sabotage })).violations);
    expect(violations.filter((text) => found.test(text))).not.toEqual([]);
  });

  it.each(['running', 'unknowable'] as const)('a run that is %s, taken for over while its request is on the way', async (fate) => {
    const violations = async (sabotage: (shared: Shared) => void) => {
      const all: string[] = [];
      for (let seed = 1; seed <= 140; seed += 1) {
        const played = await play(seed, {
          sabotage(shared) {
            requestsOnTheWay(shared, fate);
            sabotage(shared);
          },
        });
        all.push(...played.violations);
      }
      return all;
    };
    expect(await violations(() => undefined)).toEqual([]);
    const taken = await violations((shared) => {
      shared.fateOf = () => 'over';
      listThatProves(shared.scenario);
    });
    expect(taken.filter((text) => /twice/.test(text)).length).toBeGreaterThan(1);
  });
});

/** Runs are suspended with their requests on the way, again and again, and others take over; what nobody can know of is left out, as in scenarioOf. */
function requestsOnTheWay({ scenario }: Shared, fateOfOthers: Scenario['fateOfOthers']): void {
  scenario.fateOfOthers = fateOfOthers;
  scenario.faults.stall = 0.1;
  scenario.starts = 5;
  scenario.deeds = scenario.deeds.filter((deed) => !['wipe', 'clock forward', 'clock back'].includes(deed));
}

/** Everything that is written without the fields whose text is so. */
function forgetting({ entries }: Shared, isForgotten: (text: string) => boolean): void {
  for (const store of entries) {
    const write = store.write.bind(store);
    const without = (fields: Fields) =>
      Object.fromEntries(Object.entries(fields).filter(([, text]) => text === null || !isForgotten(text)));
    store.write = (step, writes) => write(step, writes.map((one) => ({ ...one, fields: without(one.fields) })) as unknown as typeof writes);
  }
}

/** The fence is gone: whoever writes is taken for the one who opened it last. */
function letEveryEpochWrite({ entries, leases }: Shared): void {
  for (const store of entries) {
    const { write, open } = store;
    store.write = async (step, writes) => {
      for (const { name, epoch } of writes) {
        const kept = store.kept.get(name);
        if (kept !== undefined) Object.assign(kept, { epoch, step: step - 1 });
      }
      await write.call(store, step, writes);
    };
    store.open = async (name, epoch) => {
      const kept = store.kept.get(name);
      if (kept !== undefined) kept.epoch = Math.min(kept.epoch, epoch);
      return open.call(store, name, epoch);
    };
  }
  neverLost(leases, async () => []);
}

/** A list that proves something: one that does not leaves in doubt whoever may get it twice. */
function listThatProves(scenario: Scenario): void {
  Object.assign(scenario, { unexpected: 0, listLoses: 0, listedAfterMs: Math.min(scenario.listedAfterMs, 6_000) });
}

/** Many runs that are killed, in one store or the other. */
function oftenKilled(scenario: Scenario): void {
  listThatProves(scenario);
  scenario.twoStores = true;
  scenario.faults = { ...scenario.faults, slow: 0.4, crash: 0.02 };
  scenario.concurrency = 6;
  scenario.delaySeconds = 0;
  scenario.starts = 12;
}

/** A run that has not looked up what it could not trust is said to know everything. */
function knowAtOpening({ entries, scenario }: Shared): void {
  oftenKilled(scenario);
  for (const store of entries) {
    const open = store.open.bind(store);
    store.open = async (name, epoch) => {
      const opened = await open(name, epoch);
      store.kept.get(name)?.fields.set('known', String(epoch));
      return opened;
    };
  }
}

function trustWhatIsThere({ entries, leases, scenario }: Shared): void {
  oftenKilled(scenario);
  for (const store of entries) {
    const open = store.open.bind(store);
    store.open = async (name, epoch) => {
      const { fields, server } = await open(name, epoch);
      const before = leases.rows.get(name)?.before.epoch ?? null;
      return { fields: fields.size === 0 || before === null ? fields : new Map([...fields, ['known', String(before)]]), server };
    };
  }
}

/** A run whose lease another has had goes on under a new one, with what it has read before. */
function takeAgain({ leases, scenario }: Shared): void {
  scenario.twoStores = true;
  neverLost(leases, async (again) => {
    await again();
    return [];
  });
}

/** Changes what happens when a lease that is lost is prolonged. */
function neverLost(leases: MemoryLeases, instead: (again: () => Promise<unknown>) => ReturnType<Lease['prolong']>): void {
  const take = leases.take.bind(leases);
  leases.take = async (names, owner, dead) => {
    const answer = await take(names, owner, dead);
    if (!('lease' in answer)) return answer;
    let { lease } = answer;
    const again = async () => {
      const holders = names.flatMap((name) => leases.rows.get(name)?.owner?.token ?? []);
      const taken = await take(names, owner, holders);
      if ('lease' in taken) lease = taken.lease;
    };
    return { lease: { ...answer.lease, prolong: () => lease.prolong().catch(() => instead(again)) } };
  };
}

function listConfirmed({ provider }: Shared): void {
  const send = provider.send.bind(provider);
  const confirmed = new Set<string>();
  provider.send = async (message, slot) => {
    const outcome = await send(message, slot);
    if (outcome.kind === 'accepted') confirmed.add(message.reference);
    return outcome;
  };
  const lookUp = provider.lookUp.bind(provider);
  provider.lookUp = async (wanted) => (confirmed.has(wanted.reference) ? lookUp(wanted) : { kind: 'absent' });
}

function forgetRecords({ stores }: Shared): void {
  for (const store of stores.values()) {
    const record = store.record.bind(store);
    let calls = 0;
    store.record = async (id, results) => {
      calls += 1;
      if (calls % 3 !== 0) await record(id, results);
    };
  }
}
