import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { knowNothing } from '../../src/core/list-knowledge.ts';
import type { Finding } from '../../src/core/outcome.ts';
import { lookUpAll } from '../../src/loop/look-up.ts';
import { accepted, answers, faults, faultyFor, kills, unknown } from '../support/answers.ts';
import { cannotBeAsked } from '../support/memory-provider.ts';
import { SimClock } from '../support/sim-clock.ts';
import { Life, POLICY, SimWorld } from '../support/sim-world.ts';

// A provider that cannot be asked what became of a message: nothing is waited for, and nothing is guessed.

function worldOf(people: number): SimWorld {
  const world = new SimWorld(people);
  cannotBeAsked(world.provider);
  return world;
}

/** When each event of a type was told. */
function timesOf(world: SimWorld, type: string): number[] {
  const times: number[] = [];
  world.onEvent = (event) => {
    if (event.type === type) times.push(world.clock.now());
  };
  return times;
}

/** A run whose process dies at the first operation of that name. */
async function killedAt(world: SimWorld, operation: string): Promise<void> {
  const life = new Life();
  world.provider.before = async (name) => {
    if (name === operation) life.kill();
  };
  await world.clock.run(Promise.race([world.start({ life }), life.over]));
  world.provider.before = async () => undefined;
}

it('a look-up ends at once, with one question for each and none about the list', async () => {
  const clock = new SimClock();
  const begin = clock.now();
  const asked: string[] = [];
  const means = {
    ...{ clock, lookupMs: 10_000, list: knowNothing(), readEarlier: () => Promise.reject(new Error('it is not read')) },
    async lookUp({ reference }: { reference: string }): Promise<Finding> {
      asked.push(reference);
      return { kind: 'unaskable', reason: 'it cannot be asked' };
    },
  };
  const wanted = ['a', 'b', 'c'].map((reference) => ({ reference, phone: '+2290190000001', line: null, ageMs: null }));
  const findings = await clock.run(lookUpAll(means, wanted));
  expect(findings).toEqual(Array(3).fill({ kind: 'unaskable', reason: 'it cannot be asked' }));
  expect([asked.sort(), clock.now() - begin]).toEqual([['a', 'b', 'c'], 0]);
});

describe('a provider that cannot be asked', () => {
  it('leaves an answer that is lost in doubt at once, the others go on, and no run sends it again', async () => {
    const world = worldOf(3);
    world.provider.behave = (call) => answers(call === 1 ? unknown('timeout') : accepted, true);
    const doubts = timesOf(world, 'in_doubt');
    expect(await world.finish()).toMatchObject({ exitCode: 3, progress: { sent: 2, inDoubt: 1, pending: 0 } });
    expect(doubts).toEqual([(world.provider.starts[0] as number) + 100]);
    expect(world.store.rows[0]?.error).toBe('wsend: in doubt: Memory cannot be asked what became of a message');

    const again = world.clock.now();
    expect(await world.finish()).toMatchObject({ exitCode: 3, progress: { sent: 2, inDoubt: 1, pending: 0 } });
    expect(world.clock.now() - again).toBeLessThan(POLICY.lookupMs / 10);
    expect(world.provider.starts).toHaveLength(3);
  });

  it.each(['write', 'answer'])('leaves a claim of a run that was killed at "%s" in doubt at once, and sends to the others', async (at) => {
    const world = worldOf(3);
    await killedAt(world, at);
    const begin = world.clock.now();
    const doubts = timesOf(world, 'in_doubt');
    expect(await world.finish()).toMatchObject({ exitCode: 3, progress: { sent: 2, inDoubt: 1, pending: 0 } });
    expect(doubts).toEqual([begin]);
    expect(world.provider.duplicates()).toEqual([]);
  });

  it('after a lost checkpoint leaves in doubt at once whom its last run may have sent to, and sends to the others', async () => {
    const world = worldOf(200);
    await world.killed(60, { after: true });
    const reached = world.provider.accepted.length;
    world.entries.wipe();
    const begin = world.clock.now();
    const { exitCode, progress } = await world.finish();
    expect(exitCode).toBe(3);
    expect(progress.inDoubt).toBeGreaterThan(60);
    expect(progress.pending).toBe(0);
    expect(world.provider.duplicates()).toEqual([]);
    expect((world.provider.starts[reached] as number) - begin).toBeLessThanOrEqual(POLICY.pace.delayMs);
    expect(world.events.find(({ type }) => type === 'notice')).toMatchObject({
      text: expect.stringMatching(/Memory cannot be asked about its first \d+ pending recipients: they are in doubt/),
    });
  });

  it('that cannot be asked how the line is either: a run begins, and goes on after a 503', async () => {
    const world = worldOf(3);
    Object.assign(world.provider, { askLine: null });
    world.provider.behave = (call) => (call === 2 ? answers(unknown('http:503', true), false) : answers(accepted));
    expect(await world.finish()).toMatchObject({ exitCode: 3, progress: { sent: 2, inDoubt: 1, pending: 0 } });
  });

  it('lost answers, kills and lost checkpoints, in any order: nobody twice, and everybody is sent, failed or in doubt', {
    timeout: 90_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 20 }), faults, kills, fc.boolean(), async (people, faulty, killed, wiped) => {
        const world = worldOf(people);
        world.lenient = true;
        world.policy = { ...POLICY, retry: { ...POLICY.retry, maxAttempts: 2 } };
        world.provider.behave = faultyFor(60, faulty);
        for (const { call, after } of killed) {
          await world.killed(call, { after });
          if (wiped) world.entries.wipe();
        }
        let ending = await world.finish();
        for (let tries = 0; ending.progress.pending > 0 && tries < 20; tries += 1) ending = await world.finish();
        expect(world.bugs).toEqual([]);
        expect(ending.progress.pending).toBe(0);
        expect(world.provider.duplicates()).toEqual([]);
        const got = new Set(world.provider.accepted.map(({ phone }) => phone));
        for (const { status, phone } of world.store.rows) if (status !== 'pending') expect(status === 'sent').toBe(got.has(phone));
      }),
      { numRuns: 60 },
    );
  });
});
