import { describe, expect, it } from 'vitest';
import type { Change, Checkpoint, Owner } from '../../src/ports.ts';
import { failure } from './main.ts';
import { play } from './play.ts';
import type { Scenario } from './scenario.ts';
import type { Shared } from './shared.ts';

/** How many seeds are played here; `npm run simulate -- --seeds 5000` plays more. */
const SEEDS = Number(process.env.WSEND_SIMULATION_SEEDS ?? 200);

/** Beyond the first hundreds: a claim whose process ended during its look-up, a retry that left a finished checkpoint behind, a word after the summary, a doubt that its own run settled. */
const FOUND_SOMETHING = [3_817, 4_368, 6_309, 16_028];

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
    ['a checkpoint that forgets claims', (shared) => changeCommits(shared, ({ type }) => type !== 'claim'), /durable claim/],
    ['a checkpoint that forgets outcomes', (shared) => changeCommits(shared, ({ type }) => type !== 'settle'), /counters|ends as|holds/],
    ['a checkpoint that forgets the pace', forgetPacing, /less than the delay/],
    ['a checkpoint that lets everybody write', letEverybodyWrite, /without the lock/],
    ['a provider that does not list what it has', listNothing, /twice/],
    ['a database that forgets what it was told', forgetRecords, /twice/],
    ['a database that goes back in time, and a checkpoint that does not say what it counted', forgetCounts, /twice/],
  ])('%s', async (_, sabotage, found) => {
    const violations: string[] = [];
    for (let seed = 1; seed <= 40; seed += 1) violations.push(...(await play(seed, { sabotage })).violations);
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

/** Changes how everybody who gets the locks commits. */
function changeCommit(
  { checkpoints }: Shared,
  change: (commit: Checkpoint['commit'], owner: Owner, campaign: number) => Checkpoint['commit'],
): void {
  const acquire = checkpoints.acquire.bind(checkpoints);
  checkpoints.acquire = async (campaign, line, owner, replacing) => {
    const answer = await acquire(campaign, line, owner, replacing);
    if (!('checkpoint' in answer)) return answer;
    return { checkpoint: { ...answer.checkpoint, commit: change(answer.checkpoint.commit, owner, campaign) } };
  };
}

function changeCommits(shared: Shared, keeps: (change: Change) => boolean): void {
  changeCommit(shared, (commit) => (changes, pacing) => commit(changes.filter(keeps), pacing));
}

function letEverybodyWrite(shared: Shared): void {
  const { locks } = shared.checkpoints;
  changeCommit(shared, (commit, owner, campaign) => async (changes, pacing) => {
    const before = new Map(locks);
    for (const name of [`campaign:${campaign}`, 'line:line-1'])
      locks.set(name, { owner, campaign, type: 'message_1', until: Number.POSITIVE_INFINITY, pauseRequested: false, applied: null });
    const answer = await commit(changes, pacing);
    for (const [name, lock] of before) locks.set(name, lock);
    return answer;
  });
}

function forgetPacing({ checkpoints }: Shared): void {
  checkpoints.pacing.set = () => checkpoints.pacing;
}

function listNothing({ provider }: Shared): void {
  provider.lookUp = async () => ({ kind: 'absent' });
}

function forgetCounts({ scenario, checkpoints }: Shared): void {
  scenario.goesBack = true;
  const acquire = checkpoints.acquire.bind(checkpoints);
  checkpoints.acquire = async (...wish) => {
    const answer = await acquire(...wish);
    if (!('checkpoint' in answer)) return answer;
    const { checkpoint } = answer;
    return { checkpoint: { ...checkpoint, recover: async () => ({ ...(await checkpoint.recover()), counted: null }) } };
  };
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
