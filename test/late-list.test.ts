import { describe, expect, it } from 'vitest';
import { controlOf } from '../src/loop/prepare-message.ts';
import { accepted, answers, unknown } from './support/answers.ts';
import { Life, SimWorld } from './support/sim-world.ts';

// A list that is late shows nothing of what was just sent, and every clock and lease that could make it seem old is wrong.

const MINUTE = 60_000;

/** A list that is 90 s late, in an account whose last message is an hour old; its first call is taken, and the process dies before the answer. */
async function killedInCall(): Promise<SimWorld> {
  const world = new SimWorld(1);
  const at = world.clock.now() - 60 * MINUTE;
  const row = { campaign: 1, campaignCreatedAt: null, message: 1, phone: '+2290199999999', content: 'Earlier', at };
  const { reference, phone } = controlOf(row);
  world.provider.history.splice(0, 1, { reference, phone, line: world.provider.line, at });
  world.store.earlier = [row];
  world.provider.listedAfterMs = 1.5 * MINUTE;
  const life = new Life();
  world.provider.before = async (operation) => {
    if (operation === 'answer') life.kill();
  };
  await world.clock.run(Promise.race([world.start({ life }), life.over]));
  world.provider.before = async () => undefined;
  expect(world.provider.accepted).toHaveLength(1);
  return world;
}

describe('a list that is late makes nobody get it twice', () => {
  it('when a run was killed in its call, and is resumed at once', async () => {
    const world = await killedInCall();
    expect((await world.finish()).progress).toMatchObject({ inDoubt: 1 });
    expect(world.provider.duplicates()).toEqual([]);
  });

  it('when the clock is set forward between the lease and the look-up', async () => {
    const world = await killedInCall();
    const before = async () => {
      world.clock.step(12 * MINUTE);
      world.provider.listedAfterMs += 12 * MINUTE;
    };
    await world.finish({ before });
    expect(world.provider.duplicates()).toEqual([]);
  });

  it('when the lease of the dead run seems to be older than its claim', async () => {
    const world = await killedInCall();
    for (const row of world.leases.rows.values()) row.expiresAt -= 15 * MINUTE;
    await world.finish();
    expect(world.provider.duplicates()).toEqual([]);
  });

  it.each([0, 3])('when the machine that sent before had a clock that was %i minutes fast', async (minutes) => {
    const world = new SimWorld(2);
    world.provider.tellsAge = true;
    world.provider.listedAfterMs = 2 * MINUTE;
    world.limit = 1;
    await world.finish();
    world.limit = null;
    Object.assign(world.store.rows[0] as object, { sentAt: (world.store.rows[0]?.sentAt ?? 0) + minutes * MINUTE });
    world.clock.set(world.clock.now() + 3 * MINUTE + 5_000);
    world.provider.behave = (call) => (call === 2 ? answers(unknown('reset'), true, 0) : answers(accepted));
    for (let i = 0; i < 3; i += 1) await world.finish();
    expect(world.provider.accepted.length).toBe(2);
    expect(world.provider.duplicates()).toEqual([]);
  });
});
