import { expect, it } from 'vitest';
import { accepted, answers, gaps, unknown } from './support/answers.ts';
import { Life, POLICY, SimWorld } from './support/sim-world.ts';

// One kill between each two durable steps of a message, and what the next run makes of it.

const DELAY = POLICY.pace.delayMs;

/** Lets a run go on until `dies` kills it. */
async function killed(world: SimWorld, dies: (kill: () => void) => void): Promise<void> {
  const life = new Life();
  dies(() => life.kill());
  await world.clock.run(Promise.race([world.start({ life }), life.over]));
  world.provider.before = async () => undefined;
}

/** What the checkpoint holds of the recipients. */
function kept(world: SimWorld): Record<string, number[]> {
  const { claims, outcomes, doubts } = world.kept();
  const messages = (of: { message: number }[]) => of.map(({ message }) => message);
  return { claims: messages(claims), outcomes: messages(outcomes), doubts: messages(doubts) };
}

it.each([1, DELAY / 2, DELAY - 100])(
  'killed %i ms into the wait for a turn: the next run finds a pending recipient, and sends one whole delay after it began',
  async (ms) => {
    const world = new SimWorld(3);
    await killed(world, (kill) => {
      world.onEvent = ({ type }) => {
        if (type === 'sent') void world.clock.sleep(world.clock.now() + ms).then(kill);
      };
    });
    world.onEvent = () => undefined;
    expect(world.provider.starts).toHaveLength(1);
    expect(kept(world)).toMatchObject({ claims: [], doubts: [] });
    expect((await world.finish()).exitCode).toBe(0);
    // Whoever was killed gave nothing back: a send may have begun at that moment.
    expect(gaps(world)).toEqual([ms + DELAY, DELAY]);
    expect(world.provider.duplicates()).toEqual([]);
  },
);

it('killed between claim and call: looked up, not listed, and sent under the same reference', async () => {
  const world = new SimWorld(3);
  await killed(world, (kill) => {
    world.provider.before = async (operation) => {
      if (operation !== 'write') return;
      kill();
      await new Promise(() => undefined);
    };
  });
  expect(world.provider.starts).toEqual([]);
  expect(kept(world)).toEqual({ claims: [1], outcomes: [], doubts: [] });
  const { reference } = world.kept().claims[0] as { reference: string };
  expect((await world.finish()).exitCode).toBe(0);
  expect(world.provider.lookUps).toBeGreaterThan(0);
  expect(world.provider.accepted.filter((one) => one.reference === reference)).toHaveLength(1);
  expect(world.provider.accepted).toHaveLength(3);
});

it('killed during the call: looked up, found, and recorded as sent without a second call', async () => {
  const world = new SimWorld(3);
  world.provider.listedAfterMs = 4_000;
  await killed(world, (kill) => {
    world.provider.before = async (operation) => {
      if (operation === 'answer') kill();
    };
  });
  expect(kept(world)).toEqual({ claims: [1], outcomes: [], doubts: [] });
  expect((await world.finish()).exitCode).toBe(0);
  expect(world.provider.starts).toHaveLength(3);
  expect(world.statuses()).toEqual({ sent: 3 });
});

it('killed between outcome and database: the next run writes the row, and makes no call', async () => {
  const world = new SimWorld(1);
  const record = world.store.record.bind(world.store);
  await killed(world, (kill) => {
    world.store.record = async () => kill();
  });
  world.store.record = record;
  expect(kept(world)).toEqual({ claims: [], outcomes: [1], doubts: [] });
  expect(world.statuses()).toEqual({ pending: 1 });
  expect((await world.finish()).exitCode).toBe(0);
  expect([world.provider.starts.length, world.provider.lookUps]).toEqual([1, 0]);
  expect(world.statuses()).toEqual({ sent: 1 });
  expect(kept(world)).toEqual({ claims: [], outcomes: [], doubts: [] });
});

it('killed between the database and the note that it has the outcome: the next run writes it again, which changes nothing', async () => {
  const world = new SimWorld(1);
  const record = world.store.record.bind(world.store);
  await killed(world, (kill) => {
    world.store.record = async (campaign, results) => {
      await record(campaign, results);
      kill();
    };
  });
  world.store.record = record;
  expect(kept(world)).toEqual({ claims: [], outcomes: [1], doubts: [] });
  const row = structuredClone(world.store.rows[0]);
  expect(row?.status).toBe('sent');
  expect((await world.finish()).exitCode).toBe(0);
  expect(world.store.rows[0]).toEqual(row);
  expect(world.provider.starts).toHaveLength(1);
});

it('killed in the middle of a look-up: it is looked up again, and found', async () => {
  const world = new SimWorld(1);
  world.provider.listedAfterMs = 8_000;
  world.provider.behave = () => answers(unknown('timeout'), true, 0);
  await killed(world, (kill) => {
    world.provider.before = async (operation) => {
      if (operation === 'lookUp' && world.provider.lookUps === 1) kill();
    };
  });
  const { claims, doubts } = kept(world);
  expect([...(claims ?? []), ...(doubts ?? [])]).toEqual([1]);
  world.provider.behave = () => answers(accepted);
  expect((await world.finish()).exitCode).toBe(0);
  expect(world.provider.starts).toHaveLength(1);
  expect(world.statuses()).toEqual({ sent: 1 });
});
