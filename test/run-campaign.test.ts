import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { referenceOf } from '../src/core/reference.ts';
import { CheckpointUnreachable, DatabaseUnreachable } from '../src/errors.ts';
import { accepted, answers, endAllRight, faults, faultyFor, gaps, invalid, kills, unknown } from './support/answers.ts';
import { MemoryEntries } from './support/memory-entries.ts';
import { Life, POLICY, SimWorld } from './support/sim-world.ts';

const MINUTE = 60_000;

/** What stands once everything is quiet: nobody twice, and the database says sent exactly of those whom the provider accepted. */
function expectTheTruth(world: SimWorld): void {
  expect(world.provider.duplicates()).toEqual([]);
  const reached = new Set(world.provider.accepted.map(({ phone }) => phone));
  for (const row of world.store.rows) expect(row.status === 'sent').toBe(reached.has(row.phone));
}

function addRows(world: SimWorld, count: number): void {
  const first = world.store.rows[0] as (typeof world.store.rows)[number];
  for (let i = 0; i < count; i += 1) {
    const message = world.store.rows.length + 1;
    world.store.rows.push({
      ...first,
      message,
      phone: `+22955${String(message).padStart(6, '0')}`,
      status: 'pending',
      error: null,
      providerId: null,
      sentAt: null,
      attempts: 0,
    });
  }
}

/** A run whose process dies the first time that `when` is true. */
async function killedWhen(world: SimWorld, when: (operation: string) => boolean): Promise<void> {
  const life = new Life();
  world.provider.before = async (operation) => {
    if (when(operation)) life.kill();
  };
  await world.clock.run(Promise.race([world.start({ life }), life.over]));
  world.provider.before = async () => undefined;
}

describe('the weather', () => {
  it.each([0, 2_000])(
    'slow and failing stores, lost replies, kills, at a delay of %i ms: nobody twice, nobody forgotten, never too fast',
    { timeout: 90_000 },
    async (delayMs) => {
      const weather = fc.array(
        fc.constantFrom('fair', 'fair', 'fair', 'slow', 'lost before', 'lost after', 'database down', 'database slow'),
        { minLength: 1, maxLength: 60 },
      );
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 40 }),
          faults,
          kills,
          weather,
          fc.integer({ min: 0, max: 5_000 }),
          async (count, faulty, killed, days, listedAfterMs) => {
            const world = new SimWorld(count);
            world.policy = {
              ...POLICY,
              pace: { delayMs, batchSize: 9, batchPauseMs: 0 },
              bounds: { minDelayMs: delayMs, maxDelayMs: 10_000 },
              concurrency: 5,
            };
            world.provider.listedAfterMs = listedAfterMs;
            world.lenient = true;
            let day = 0;
            let calm = false;
            // Some weather would last for ever: claims that are never durable in time, and are made again and again.
            const fairFrom = world.clock.now() + 120 * MINUTE;
            const today = () => (calm || world.clock.now() >= fairFrom ? 'fair' : days[day++ % days.length]);
            const wait = (ms: number) => world.clock.sleep(world.clock.now() + ms);
            world.entries.before = async (operation) => {
              const is = today();
              if (is === 'slow') await wait(2_000);
              if (is === 'lost before' && operation === 'write') throw new CheckpointUnreachable('lost before');
            };
            world.entries.after = async (operation) => {
              if (today() === 'lost after' && operation === 'write') throw new CheckpointUnreachable('lost after');
            };
            world.store.before = async (operation) => {
              const is = today();
              if (is === 'database slow') await wait(3_000);
              if (is === 'database down' && operation === 'record') throw new DatabaseUnreachable('down');
            };
            world.leases.before = async (operation) => {
              const is = today();
              if (is === 'database slow') await wait(3_000);
              if (is === 'database down' && operation !== 'take') throw new DatabaseUnreachable('down');
            };
            world.leases.after = async (operation) => {
              if (today() === 'lost after' && operation !== 'take') throw new DatabaseUnreachable('lost after');
            };
            world.provider.behave = faultyFor(80, faulty);
            for (const { call, after } of killed) await world.killed(call, { after }).catch(() => null);
            for (let i = 0; i < 4; i += 1) await world.finish().catch(() => null);
            calm = true;
            await endAllRight(world);
            expectTheTruth(world);
            expect(world.provider.mostInFlight).toBeLessThanOrEqual(5);
            if (delayMs > 0) expect(Math.min(...gaps(world), delayMs)).toBeGreaterThanOrEqual(delayMs - 1);
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  it('the checkpoint wiped after a kill anywhere, again and again: nobody twice, nobody forgotten', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0, 2_000),
        fc.integer({ min: 1, max: 60 }),
        faults,
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        async (delayMs, count, faulty, killed, after) => {
          const world = new SimWorld(count);
          world.policy = {
            ...POLICY,
            pace: { delayMs, batchSize: 9, batchPauseMs: 0 },
            bounds: { minDelayMs: delayMs, maxDelayMs: 10_000 },
            concurrency: 5,
          };
          world.provider.behave = faultyFor(80, faulty);
          for (const call of killed) {
            await world.killed(call, { after }).catch(() => null);
            world.entries.wipe();
          }
          await endAllRight(world);
          expectTheTruth(world);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('taking a campaign up', () => {
  it('after its checkpoint was lost, however slow the look-ups are', async () => {
    const world = new SimWorld(200);
    await world.killed(60, { after: true });
    world.entries.wipe();
    world.provider.before = async (operation) => {
      if (operation === 'lookUp') await world.clock.sleep(world.clock.now() + 500);
    };
    expect((await world.finish()).exitCode).toBe(0);
    expectTheTruth(world);
  });

  it('counts its first look-ups in the time that it took', async () => {
    const world = new SimWorld(20);
    await world.killed(10, { after: true });
    world.entries.wipe();
    const begun = world.clock.now();
    const summaries: { took: number; at: number }[] = [];
    world.provider.before = async (operation) => {
      if (operation === 'lookUp') await world.clock.sleep(world.clock.now() + 5_000);
    };
    world.onEvent = (event) => {
      if (event.type === 'summary') summaries.push({ took: event.durationMs, at: world.clock.now() });
    };
    await world.finish();
    const [summary] = summaries;
    expect(world.provider.lookUps).toBeGreaterThan(0);
    expect(summary?.took).toBe((summary?.at ?? 0) - begun);
  });

  it('on a line whose last start lies in the future (the clock was set back) goes on within a delay', async () => {
    const world = new SimWorld(3);
    await world.lineWasLeftAt({ lastStart: world.clock.now() + 3_600_000, sentInBatch: 1, notBefore: 0 });
    const begin = world.clock.now();
    await world.finish();
    expect(world.clock.now() - begin).toBeLessThan(MINUTE);
  });

  it('just after a full batch waits for the pause, however long, and then goes on', async () => {
    const world = new SimWorld(10);
    world.policy = { ...POLICY, pace: { delayMs: 3_000, batchSize: 5, batchPauseMs: 3_600_000 } };
    world.limit = 5;
    await world.finish();
    world.limit = null;
    expect((await world.finish()).exitCode).toBe(0);
  });

  it('waits a whole delay when the last run was killed in the middle of a send, however slow its store was', async () => {
    const world = new SimWorld(3);
    world.entries.after = async (operation) => {
      if (operation === 'write') await world.clock.sleep(world.clock.now() + 1_500);
    };
    await killedWhen(world, (operation) => operation === 'answer');
    world.entries.after = async () => undefined;
    await world.finish();
    expect(gaps(world)[0]).toBeGreaterThanOrEqual(2_999);
  });

  it('waits a whole delay when a run of another campaign was killed in the middle of a send on the line', async () => {
    const world = new SimWorld(3);
    world.entries.after = async (operation) => {
      if (operation === 'write') await world.clock.sleep(world.clock.now() + 1_500);
    };
    await killedWhen(world, (operation) => operation === 'answer');
    world.entries.after = async () => undefined;
    Object.assign(world.store.campaign, { id: 43, status: 'draft' });
    expect((await world.finish()).exitCode).toBe(0);
    expect(gaps(world)[0]).toBeGreaterThanOrEqual(2_999);
  });

  it('after its checkpoint was lost counts what the database has, before it sends', async () => {
    const world = new SimWorld(20);
    world.limit = 7;
    await world.finish();
    world.entries.wipe();
    const counted: unknown[] = [];
    world.onEvent = ({ type }) => {
      if (type === 'batch') counted.push(world.kept().counted);
    };
    world.limit = null;
    await world.finish();
    expect(counted).toEqual([{ sent: 7, failed: 0 }]);
  });

  it('after its checkpoint was lost uses up no attempt when the provider cannot tell', async () => {
    const world = new SimWorld(3);
    world.store.campaign.status = 'sending';
    world.provider.lookUpFault = () => ({ kind: 'unsure', reason: 'it does not say', reachable: true });
    world.limit = 0;
    for (let i = 0; i < 3; i += 1) {
      await world.finish();
      world.entries.wipe();
    }
    expect(world.store.rows.map(({ attempts, error }) => [attempts, error])).toEqual(
      Array(3).fill([0, 'wsend: in doubt: it does not say']),
    );
  });

  it('looks up who was left in doubt, although they have said stop since', async () => {
    const world = new SimWorld(3);
    world.provider.behave = () => answers(unknown('timeout'), true);
    world.provider.lookUpFault = () => ({ kind: 'unsure', reason: 'it does not say', reachable: true });
    expect((await world.finish()).exitCode).toBe(3);
    world.entries.wipe();
    world.provider.lookUpFault = () => null;
    await world.optOuts.set([world.store.rows[0]?.phone as string], true, 'test');
    expect((await world.finish()).progress).toMatchObject({ sent: 3, skipped: 0, failed: 0, inDoubt: 0 });
    expect(world.provider.accepted).toHaveLength(3);
  });

  it.each(['before the run', 'while it runs'])(
    'after its checkpoint was lost looks up who was sent to behind a crowd that was not, left out %s',
    async (how) => {
      const world = new SimWorld(210);
      const crowd = world.store.rows.slice(0, 200);
      if (how === 'as numbers that are none') for (const row of crowd) row.phone = 'nobody';
      else
        await world.optOuts.set(
          crowd.map(({ phone }) => phone),
          true,
          'test',
        );
      // Their notes are in the database, or went down with the run.
      if (how === 'before the run') for (const row of crowd) row.error = 'wsend: skipped: opted out';
      world.store.campaign.status = 'sending';
      await killedWhen(world, (operation) => operation === 'answer');
      if (how !== 'before the run') for (const row of crowd) Object.assign(row, { status: 'pending', error: null });
      expect(world.provider.accepted).toHaveLength(1);
      world.entries.wipe();
      await world.finish();
      expect(new Set(world.provider.accepted.map(({ phone }) => phone)).size).toBe(world.provider.accepted.length);
      expect(world.provider.accepted).toHaveLength(10);
    },
  );

  it('who was left out and is wanted again is looked up first: a run whose checkpoint is gone may have sent it', async () => {
    const world = new SimWorld(3);
    const [first] = world.store.rows;
    Object.assign(first ?? {}, { error: 'wsend: skipped: opted out' });
    await killedWhen(world, (operation) => operation === 'answer');
    expect(first).toMatchObject({ status: 'pending', error: 'wsend: skipped: opted out' });
    world.entries.wipe();
    expect((await world.finish()).progress).toMatchObject({ sent: 3, skipped: 0, pending: 0 });
    expect(world.provider.accepted).toHaveLength(3);
  });

  it('for the first time begins its own batches, one delay after the last send on the line', async () => {
    const world = new SimWorld(10);
    world.policy = { ...POLICY, pace: { delayMs: 3_000, batchSize: 5, batchPauseMs: 20_000 } };
    const begin = world.clock.now();
    await world.lineWasLeftAt({ lastStart: begin - 1_000, sentInBatch: 4, notBefore: 0 });
    await world.finish();
    expect((world.provider.starts[0] as number) - begin).toBe(2_000);
    expect(gaps(world)).toEqual([3_000, 3_000, 3_000, 3_000, 23_000, 3_000, 3_000, 3_000, 3_000]);
  });

  it('remembers a 429 of the last run: the next batch is slower', async () => {
    const world = new SimWorld(30);
    world.policy = { ...POLICY, pace: { ...POLICY.pace, batchSize: 10 } };
    world.provider.behave = (call) =>
      call === 3 ? answers({ kind: 'throttled', retryAfterMs: 1_000, reason: 'slow down' }) : answers(accepted);
    world.limit = 6;
    await world.finish();
    expect(world.events.filter(({ type }) => type === 'delay')).toEqual([]);
    world.limit = null;
    await world.finish();
    expect(world.events.find(({ type }) => type === 'delay')).toMatchObject({ toMs: 4_500, cause: 'throttled' });
  });

  it('of a run that cannot be seen from here leaves its claim in doubt for ten minutes, and then settles it', async () => {
    const world = new SimWorld(3);
    world.provider.behave = () => answers(accepted, false);
    await killedWhen(world, (operation) => operation === 'answer');
    world.dead.clear();
    world.fateOfOthers = 'unknowable';
    world.clock.set(world.clock.now() + 16_000);
    world.provider.behave = () => answers(accepted);
    expect((await world.finish()).progress).toMatchObject({ inDoubt: 1, sent: 2 });
    world.clock.set(world.clock.now() + 10 * MINUTE);
    expect((await world.finish()).exitCode).toBe(0);
    expectTheTruth(world);
  });

  it('whose process ends while its claim is looked up has it looked up anew: its request may just have arrived, and is listed later', async () => {
    const world = new SimWorld(3);
    world.provider.listedAfterMs = 6_000;
    world.provider.behave = () => ({ ...answers(accepted, true), arrivesAfterMs: 24_000 });
    const begin = world.clock.now();
    await killedWhen(world, (operation) => operation === 'answer');
    const [token] = world.dead;
    world.dead.clear();
    world.clock.set(begin + 16_000);
    world.provider.behave = () => answers(accepted);
    const ends = async () => {
      await world.clock.sleep(begin + 25_000);
      world.dead.add(token as string);
    };
    const [ending] = await world.clock.run(Promise.all([world.start(), ends()]));
    expect(ending.exitCode).toBe(0);
    expect(world.provider.duplicates()).toEqual([]);
    expectTheTruth(world);
  });

  it('on another line looks for what earlier runs were not sure of on every line', async () => {
    const world = new SimWorld(1);
    let calls = 0;
    world.provider.listedAfterMs = 400_000;
    world.provider.behave = () => answers(unknown('timeout'), ++calls === 1, 0);
    expect((await world.finish()).exitCode).toBe(3);
    world.clock.set(world.clock.now() + 3_600_000);
    world.provider.line = 'line-2';
    await world.store.retryFailed();
    world.provider.behave = () => answers(accepted);
    expect((await world.finish()).exitCode).toBe(0);
    expect(world.provider.duplicates()).toEqual([]);
    expect(world.provider.accepted).toHaveLength(1);
  });

  it('first records what only the checkpoint knows, so that a retry counts', async () => {
    const world = new SimWorld(3);
    world.provider.behave = (call) => (call === 2 ? answers(invalid) : answers(accepted));
    const life = new Life();
    const record = world.store.record.bind(world.store);
    world.store.record = async (campaign, results) => {
      await record(campaign, results);
      if (world.statuses().failed === 1) life.kill();
    };
    await world.clock.run(Promise.race([world.start({ life }), life.over]));
    world.store.record = record;
    world.provider.behave = () => answers(accepted);
    expect((await world.finish({ before: () => world.store.retryFailed() })).exitCode).toBe(0);
    expect(world.statuses()).toEqual({ sent: 3 });
  });
});

describe('taking a campaign up where the last run was not', () => {
  /** A run stops after five, with one of them waiting for a second attempt; then another goes on in another store and is killed with calls in flight. */
  async function overtaken(): Promise<{ world: SimWorld; goHome: () => void }> {
    const world = new SimWorld(20);
    world.limit = 5;
    world.provider.behave = (call) => (call === 3 ? answers(unknown('timeout'), false) : answers(accepted));
    await world.finish();
    const home = world.entries;
    world.entries = new MemoryEntries(world.clock.now);
    world.limit = null;
    world.provider.behave = () => answers(accepted, true, 1_000);
    const sentBefore = world.provider.accepted.length;
    await killedWhen(world, (operation) => operation === 'answer' && world.provider.accepted.length > sentBefore);
    world.provider.behave = () => answers(accepted);
    const goHome = () => {
      world.entries = home;
    };
    return { world, goHome };
  }

  it('what may have been sent elsewhere is looked up, and nobody gets it twice', async () => {
    const { world, goHome } = await overtaken();
    goHome();
    expect((await world.finish()).exitCode).toBe(0);
    expect(world.statuses()).toEqual({ sent: 20 });
    expect(world.provider.duplicates()).toEqual([]);
    expect(world.provider.accepted).toHaveLength(20);
  });

  it('a run that ends before it has looked up what it could not trust is no one to be trusted', async () => {
    const { world, goHome } = await overtaken();
    goHome();
    // It lists nothing for a while, and this run is killed in the middle of its look-up.
    world.provider.listedAfterMs = 5_000;
    await killedWhen(world, (operation) => operation === 'lookUp' && world.provider.lookUps > 30);
    const seen = world.provider.lookUps;
    expect(seen).toBeGreaterThan(10);
    expect((await world.finish()).exitCode).toBe(0);
    expect(world.provider.lookUps).toBeGreaterThan(seen);
    expect(world.statuses()).toEqual({ sent: 20 });
    expect(world.provider.duplicates()).toEqual([]);
    expect(world.provider.accepted).toHaveLength(20);
  });

  it('of which there is one in each of two stores, and both were last: whoever comes looks up, every time', async () => {
    const world = new SimWorld(30);
    const stores = [world.entries, new MemoryEntries(world.clock.now)] as const;
    for (let i = 0; i < 6; i += 1) {
      world.entries = stores[i % 2] as MemoryEntries;
      const sentBefore = world.provider.accepted.length;
      await killedWhen(world, (operation) => operation === 'answer' && world.provider.accepted.length > sentBefore + 1);
    }
    await endAllRight(world);
    expect(world.statuses()).toEqual({ sent: 30 });
    expect(world.provider.duplicates()).toEqual([]);
    expect(world.provider.accepted).toHaveLength(30);
  });

  it('a database that was restored: those whom it forgot are looked up, and nobody gets it twice', async () => {
    for (const ended of ['paused', 'killed']) {
      const world = new SimWorld(40);
      world.limit = 5;
      await world.finish();
      const backup = { rows: structuredClone(world.store.rows), leases: world.leases.copy() };
      world.limit = 12;
      if (ended === 'paused') await world.finish();
      else await killedWhen(world, (operation) => operation === 'answer' && world.provider.accepted.length > 15);
      for (const [i, row] of backup.rows.entries()) Object.assign(world.store.rows[i] as object, row);
      world.leases.restore(backup.leases);
      world.limit = null;
      expect((await world.finish()).exitCode).toBe(0);
      expect(world.statuses()).toEqual({ sent: 40 });
      expect(world.provider.accepted).toHaveLength(40);
      expect(world.provider.duplicates()).toEqual([]);
    }
  });

  it('rows that were made anew in a restored database have other ids, and so other references: the run refuses, and sends nothing', async () => {
    for (const rows of ['made anew', 'still to be made']) {
      const world = new SimWorld(12);
      const empty = world.leases.copy();
      world.limit = 5;
      await world.finish();
      for (const row of world.store.rows)
        Object.assign(row, { message: row.message + 100, status: 'pending', error: null, providerId: null, sentAt: null, attempts: 0 });
      if (rows === 'still to be made') world.store.rows.splice(0);
      world.store.campaign.status = 'draft';
      world.leases.restore(empty);
      world.limit = null;
      await expect(world.finish(), rows).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('created again') });
      expect(world.provider.accepted).toHaveLength(5);
    }
  });

  it('whatever the store there holds as settled or waiting is out of date: it is looked up, and the provider says what is true', async () => {
    const { world, goHome } = await overtaken();
    goHome();
    const at = world.clock.now();
    const row = (message: number) => world.store.rows[message - 1] as (typeof world.store.rows)[number];
    for (const message of [17, 18, 19, 20]) expect(row(message).status).toBe('pending');
    const failed = { kind: 'failed', message: 18, code: 'unconfirmed:x', reason: 'y', at, attempts: 3, providerId: null } as const;
    await world.change(
      // What a copy of this database has sent, to a test account.
      { type: 'settle', result: { kind: 'sent', message: 17, providerId: 'p', at, attempts: 1 } },
      { type: 'settle', result: failed },
      { type: 'settle', result: { kind: 'sent', message: 19, providerId: 'p', at, attempts: 1 } },
      { type: 'retry', retry: { message: 20, attempts: 2, dueAt: at + 3_600_000 } },
    );
    const { phone, content } = row(19);
    const reference = referenceOf({
      ...{ campaign: 42, campaignCreatedAt: world.store.campaign.createdAt, message: 19 },
      ...{ phone, content, acceptedBefore: null },
    });
    world.provider.accepted.push({ reference, phone, line: 'line-1', at });
    expect((await world.finish()).exitCode).toBe(0);
    expect(world.statuses()).toEqual({ sent: 20 });
    expect(world.clock.now() - at).toBeLessThan(3_600_000);
    expect(world.provider.accepted.map(({ reference }) => Number(reference.split('-')[2])).sort((x, y) => x - y)).toEqual(
      world.store.rows.map(({ message }) => message),
    );
    expectTheTruth(world);
    const { outcomes, retries, counted } = world.kept();
    expect([outcomes.length, retries.length, counted]).toEqual([0, 0, { sent: 20, failed: 0 }]);
  });
});

describe('while it runs', () => {
  it('the clock is set back by an hour: it goes on', async () => {
    const world = new SimWorld(10);
    world.provider.behave = (call) => {
      if (call === 5) world.clock.set(world.clock.now() - 3_600_000);
      return answers(accepted, true, 0);
    };
    const ending = await world.finish();
    expect([0, 7]).toContain(ending.exitCode);
    await endAllRight(world);
    expectTheTruth(world);
  });

  it('the clock is set back by an hour while a claim becomes durable: it goes on at once, under its leases', async () => {
    const world = new SimWorld(10);
    const begin = world.clock.now();
    let wasSet = false;
    world.entries.after = async (operation) => {
      if (wasSet || operation !== 'write' || !world.isClaimed(3)) return;
      wasSet = true;
      world.clock.step(-3_600_000);
    };
    let beats = 0;
    world.leases.before = async (operation) => {
      if (operation === 'prolong') beats += 1;
    };
    world.provider.behave = () => answers(accepted, true, 60_000);
    expect((await world.finish()).exitCode).toBe(0);
    const lasted = world.clock.now() + 3_600_000 - begin;
    expect(lasted).toBeLessThan(5 * MINUTE);
    expect(beats).toBeGreaterThan(lasted / 3_000);
    expectTheTruth(world);
  });

  it.each([20_000, 3_600_000])('the clock is set forward by %i ms: it goes on with its leases, which nobody has taken', async (by) => {
    const world = new SimWorld(10);
    world.provider.behave = (call) => {
      if (call === 5) world.clock.step(by);
      return answers(accepted, true, 0);
    };
    const ending = await world.finish();
    expect(ending).toMatchObject({ exitCode: 0, broken: null, progress: { sent: 10 } });
    expect(world.leases.rows.get(world.names.line)?.before.epoch).toBeNull();
    expectTheTruth(world);
  });

  it.each([0, 3_000])(
    'it is suspended for an hour (SIGSTOP, a closed lid) at a delay of %i ms, in which nobody takes over: it goes on, and catches nothing up',
    async (delayMs) => {
      for (const where of ['send', 'write', 'answer']) {
        const world = new SimWorld(12);
        world.policy = { ...POLICY, pace: { ...POLICY.pace, delayMs }, bounds: { minDelayMs: delayMs, maxDelayMs: 10_000 } };
        const life = new Life();
        let asleep = false;
        let woke = 0;
        world.provider.before = async (operation) => {
          if (operation !== where || asleep || world.provider.starts.length < 5) return;
          asleep = true;
          const goOn = life.suspend();
          await world.clock.sleep(world.clock.now() + 3_600_000);
          woke = world.clock.now();
          goOn();
        };
        const ending = await world.clock.run(world.start({ life }));
        expect(ending).toMatchObject({ exitCode: 0, progress: { sent: 12 } });
        expect(world.leases.rows.get(world.names.line)?.before.epoch).toBeNull();
        expect(woke).toBeGreaterThan(0);
        expect(Math.min(...gaps(world))).toBeGreaterThanOrEqual(delayMs);
        expectTheTruth(world);
      }
    },
  );

  it('a send that waits for its connection holds up the next, so that the two are not written at once', async () => {
    const world = new SimWorld(10);
    let asked = 0;
    world.provider.before = async (operation) => {
      asked += operation === 'write' ? 1 : 0;
      if (operation === 'write' && asked === 3) await world.clock.sleep(world.clock.now() + 8_000);
    };
    expect((await world.finish()).exitCode).toBe(0);
    expect(gaps(world)).toEqual([3_000, 11_000, ...Array(7).fill(3_000)]);
  });

  it('recipients are added: they are counted and get their message', async () => {
    const world = new SimWorld(12);
    world.policy = { ...POLICY, pace: { ...POLICY.pace, delayMs: 30_000 }, bounds: { minDelayMs: 0, maxDelayMs: MINUTE } };
    world.onEvent = (event) => {
      if (event.type === 'sent' && (event.message === 1 || event.message === 12)) addRows(world, 7);
    };
    const ending = await world.finish();
    expect(ending).toMatchObject({ exitCode: 0, progress: { total: 26, sent: 26, pending: 0 } });
  });

  it('a 429 that comes while the device is asked, or while a claim waits for its store, holds the next send back', async () => {
    for (const slow of ['askLine', 'write']) {
      const world = new SimWorld(10);
      const throttled = answers({ kind: 'throttled', retryAfterMs: 90_000, reason: 'slow down' }, false, slow === 'write' ? 4_000 : 30_000);
      world.provider.behave = (call) =>
        call === 1 ? throttled : call === 2 && slow === 'askLine' ? answers(unknown('http:503', true), false, 0) : answers(accepted);
      world.provider.before = async (operation) => {
        if (operation === slow && world.provider.starts.length === 2) await world.clock.sleep(world.clock.now() + 10_000);
      };
      world.entries.before = async (operation) => {
        if (operation === slow && world.provider.starts.length === 1) await world.clock.sleep(world.clock.now() + 3_000);
      };
      await world.finish();
      const [until = Number.NaN] = world.events.flatMap((event) =>
        event.type === 'rest' && event.reason === 'throttled' ? [event.until] : [],
      );
      const told = until - 90_000;
      expect(world.provider.starts.filter((start) => start > told && start < until)).toEqual([]);
      expect(world.provider.starts.filter((start) => start >= until).length, slow).toBeGreaterThanOrEqual(8);
      expectTheTruth(world);
    }
  });

  it('a 429 that asks for two hours at the end of a batch pauses the campaign after half an hour', async () => {
    const world = new SimWorld(10);
    world.policy = { ...POLICY, pace: { ...POLICY.pace, batchSize: 5 } };
    world.provider.behave = (call) =>
      call === 5 ? answers({ kind: 'throttled', retryAfterMs: 7_200_000, reason: 'slow down' }, false) : answers(accepted);
    const begin = world.clock.now();
    expect((await world.finish()).exitCode).toBe(6);
    expect(Math.round((world.clock.now() - begin) / MINUTE)).toBe(30);
  });

  it('a limit that is reached ends it at once, although some wait for a retry', async () => {
    const world = new SimWorld(4);
    world.limit = 4;
    world.provider.behave = () => answers(unknown('http:502'), false, 0);
    const begin = world.clock.now();
    expect((await world.finish()).exitCode).toBe(6);
    expect(world.clock.now() - begin).toBeLessThan(MINUTE);
  });

  it('rows that cannot be sent do not hide that the line is in trouble', async () => {
    const world = new SimWorld(30);
    for (let i = 1; i < 30; i += 2) Object.assign(world.store.rows[i] as object, { phone: 'call me' });
    world.policy = { ...POLICY, pace: { ...POLICY.pace, batchSize: 1_000 } };
    let asked = 0;
    world.provider.lineState = () => (++asked === 1 ? { kind: 'ready', name: 'x' } : { kind: 'waiting', reason: 'the device is offline' });
    world.provider.behave = () => answers(unknown('http:503', true), false);
    expect((await world.finish()).exitCode).toBe(6);
    expect(world.events.find(({ type }) => type === 'paused')).toMatchObject({
      reason: 'waiting',
      detail: expect.stringContaining('the device is offline'),
    });
  });

  it('a claim that was not made in time is not sent: a call begins at most 10 s after it', async () => {
    const world = new SimWorld(2);
    let commits = 0;
    world.entries.after = async (operation) => {
      if (operation === 'write') commits += 1;
      if (operation === 'write' && commits <= 3) await world.clock.sleep(world.clock.now() + 11_000);
    };
    await world.finish().catch(() => null);
    expect(world.events.filter(({ type }) => type === 'sent').length).toBe(world.provider.accepted.length);
    world.entries.after = async () => undefined;
    await endAllRight(world);
    expectTheTruth(world);
    expect(world.provider.deadlines.length).toBeGreaterThan(0);
    for (const { asked, given } of world.provider.deadlines) expect(given - asked).toBeLessThanOrEqual(10_000);
  });

  it('at full speed every claim is durable before its call', async () => {
    const world = new SimWorld(50);
    world.policy = { ...POLICY, pace: { delayMs: 0, batchSize: 100, batchPauseMs: 0 }, bounds: { minDelayMs: 0, maxDelayMs: 10_000 } };
    world.provider.before = async (operation) => {
      if (operation === 'write') expect(world.kept().claims.length).toBeGreaterThan(world.provider.inFlight);
    };
    world.entries.before = (operation) => (operation === 'write' ? world.clock.sleep(world.clock.now() + 5) : Promise.resolve());
    expect((await world.finish()).exitCode).toBe(0);
    expect(Math.max(...world.claimsOpen)).toBeLessThanOrEqual(4);
  });

  it('a stop while a claim becomes durable sends nothing more', async () => {
    for (const delayMs of [0, 3_000]) {
      const world = new SimWorld(5);
      world.policy = { ...POLICY, pace: { ...POLICY.pace, delayMs }, bounds: { minDelayMs: 0, maxDelayMs: 10_000 }, concurrency: 1 };
      world.entries.after = async (operation) => {
        if (operation === 'write' && world.isClaimed(2)) world.stop();
      };
      expect((await world.finish()).exitCode).toBe(130);
      expect(world.provider.starts).toHaveLength(1);
      expect(world.kept().claims.length).toBe(0);
    }
  });

  it('a stop in the middle of a look-up leaves the recipient in doubt, never absent', async () => {
    const world = new SimWorld(2);
    world.provider.listedAfterMs = 5_000;
    world.provider.behave = () => answers(unknown('timeout'), true, 0);
    world.provider.before = async (operation) => {
      if (operation === 'lookUp') void world.clock.sleep(world.clock.now() + 1_000).then(() => world.stop());
    };
    const ending = await world.finish();
    expect(ending.exitCode).toBe(130);
    expect(ending.progress.inDoubt).toBe(1);
    world.provider.before = async () => undefined;
    world.provider.behave = () => answers(accepted);
    await endAllRight(world);
    expectTheTruth(world);
  });

  it('doubts and retries leave a note in the database, and a row with a note is looked up before it is sent', async () => {
    const world = new SimWorld(2);
    world.provider.behave = (call) => (call === 1 ? answers(unknown('timeout'), true, 0) : answers(unknown('http:502'), false, 0));
    world.provider.lookUpFault = (reference) =>
      reference.startsWith('wsend-42-1-') ? { kind: 'unsure', reason: 'cannot tell', reachable: true } : null;
    await world.clock.run(Promise.race([world.start(), world.clock.sleep(world.clock.now() + 30_000)]));
    expect(world.store.rows.map(({ error }) => error)).toEqual(['wsend: in doubt: cannot tell', 'wsend: to be tried again: http:502']);
    world.entries.wipe();
    world.dead.add('run-1');
    world.provider.lookUpFault = null;
    world.provider.behave = () => answers(accepted);
    await endAllRight(world);
    expect(world.provider.duplicates()).toEqual([]);
    expect(world.statuses()).toEqual({ sent: 2 });
  });
});

describe('stores', () => {
  it('a checkpoint that cannot be reached for some seconds holds the campaign up, and nothing is sent meanwhile', async () => {
    const world = new SimWorld(10);
    const gone = { from: world.clock.now() + 10_000, until: world.clock.now() + 16_000 };
    world.entries.before = async (operation) => {
      const now = world.clock.now();
      if (operation === 'write' && now >= gone.from && now < gone.until) throw new CheckpointUnreachable('Redis does not answer');
    };
    expect((await world.finish()).exitCode).toBe(0);
    expect(world.provider.starts.filter((start) => start > gone.from + 100 && start < gone.until)).toEqual([]);
    expect(world.events.some((event) => event.type === 'rest' && event.reason === 'checkpoint')).toBe(true);
    expectTheTruth(world);
  });

  it('a checkpoint that stays away ends the run after a minute, in which nothing is sent and nobody else can take its leases', async () => {
    const world = new SimWorld(10);
    let gone = Number.POSITIVE_INFINITY;
    world.entries.before = async () => {
      if (world.clock.now() >= gone) throw new CheckpointUnreachable('Redis does not answer');
    };
    world.provider.behave = (call) => {
      if (call === 3) gone = world.clock.now();
      return answers(accepted);
    };
    const tryToTake = async () => {
      const names = Object.values(world.names);
      const held: boolean[] = [];
      for (let i = 0; i < 13; i += 1) {
        await world.clock.sleep(world.clock.now() + 5_000);
        held.push('heldBy' in (await world.leases.take(names, world.owner(), [])));
      }
      return held;
    };
    const begin = world.clock.now();
    const run = world.start();
    const [ending, held] = await world.clock.run(Promise.all([run, tryToTake()]));
    expect(ending).toMatchObject({ exitCode: 1, broken: { name: 'CheckpointUnreachable' } });
    expect(world.provider.starts.filter((start) => start > gone)).toEqual([]);
    expect(gone - begin).toBe(6_000);
    expect(held).toEqual(Array(13).fill(true));
    expect(world.clock.now() - gone).toBeLessThan(62_000);
    world.entries.before = async () => undefined;
    await endAllRight(world);
    expectTheTruth(world);
  });

  it('a lease that cannot be prolonged for longer than it is surely ours holds the campaign up, and it goes on with what nobody has taken', async () => {
    const world = new SimWorld(20);
    const gone = { from: world.clock.now() + 10_500, until: world.clock.now() + 55_000 };
    world.leases.before = async (operation) => {
      const now = world.clock.now();
      if (operation === 'prolong' && now >= gone.from && now < gone.until) throw new DatabaseUnreachable('the database does not answer');
    };
    expect((await world.finish()).exitCode).toBe(0);
    const during = world.provider.starts.filter((start) => start >= gone.from && start < gone.until);
    // The last sign of life was sent at most 2 s before, and is good for 10 s.
    expect(Math.max(...during)).toBeLessThanOrEqual(gone.from + 10_000);
    for (const { asked, given } of world.provider.deadlines)
      if (asked >= gone.from && asked < gone.until) expect(given).toBeLessThanOrEqual(gone.from + 10_000);
    expect(world.events.some((event) => event.type === 'rest' && event.reason === 'database')).toBe(true);
    expect(Math.min(...gaps(world))).toBeGreaterThanOrEqual(3_000);
    expectTheTruth(world);
  });

  it('a run whose database comes back when another has had its lease sends nothing more, ends with 7, and never takes it again', async () => {
    const world = new SimWorld(40);
    const gone = { from: world.clock.now() + 10_500, until: world.clock.now() + 50_000 };
    const isGone = () => world.clock.now() >= gone.from && world.clock.now() < gone.until;
    // The connection of the first run alone is broken.
    const lost = () => Promise.reject(new DatabaseUnreachable('the connection is broken'));
    const take = world.leases.take.bind(world.leases);
    let takes = 0;
    world.leases.take = async (...wish) => {
      takes += 1;
      const answer = await take(...wish);
      if (takes > 1 || !('lease' in answer)) return answer;
      const { prolong, release, ...lease } = answer.lease;
      return { lease: { ...lease, prolong: () => (isGone() ? lost() : prolong()), release: () => (isGone() ? lost() : release()) } };
    };
    const other = async () => {
      await world.clock.sleep(gone.from + 16_000);
      return world.start();
    };
    const [first, second] = await world.clock.run(Promise.all([world.start(), other()]));
    expect([first.exitCode, second.exitCode]).toEqual([7, 0]);
    expect(first.broken).toMatchObject({ name: 'LeaseLost' });
    expect(takes).toBe(2);
    expect(world.provider.starts).toHaveLength(40);
    expect(Math.min(...gaps(world))).toBeGreaterThanOrEqual(3_000);
    expectTheTruth(world);
  });

  it.each(['campaign', 'line'] as const)(
    'a run whose %s another has had ends within seconds, however long it would rest',
    async (which) => {
      const world = new SimWorld(10);
      world.policy = { ...POLICY, pace: { delayMs: 3_000, batchSize: 5, batchPauseMs: 3_600_000 } };
      const begin = world.clock.now();
      const other = async () => {
        await world.clock.sleep(begin + 60_000);
        await world.takenByAnother([world.names[which]]);
      };
      const [ending] = await world.clock.run(Promise.all([world.start(), other()]));
      expect(ending).toMatchObject({ exitCode: 7, progress: { sent: 5, pending: 5 } });
      expect(world.clock.now() - begin).toBeLessThan(65_000);
      expect(world.events.at(-1)).toMatchObject({ type: 'summary', exitCode: 7 });
    },
  );

  it('a database that is away for half a minute loses no outcome, and few are sent meanwhile', async () => {
    const world = new SimWorld(40);
    const gone = { from: world.clock.now() + 10_000, until: world.clock.now() + 40_000 };
    world.store.before = async () => {
      if (world.clock.now() >= gone.from && world.clock.now() < gone.until) throw new DatabaseUnreachable('the database does not answer');
    };
    expect((await world.finish()).exitCode).toBe(0);
    expect(world.provider.starts.filter((start) => start >= gone.from && start < gone.until).length).toBeLessThanOrEqual(4);
    expectTheTruth(world);
  });

  it('a database that stays away ends the run, and the checkpoint keeps what it does not have', async () => {
    const world = new SimWorld(40);
    const gone = world.clock.now() + 10_000;
    world.store.before = async () => {
      if (world.clock.now() >= gone) throw new DatabaseUnreachable('the database does not answer');
    };
    expect((await world.finish()).exitCode).toBe(1);
    expect(world.kept().outcomes.length).toBeGreaterThan(0);
    world.store.before = async () => undefined;
    expect((await world.finish()).exitCode).toBe(0);
    expectTheTruth(world);
  });

  it('the checkpoint may expire once everybody is settled, and not before', async () => {
    const world = new SimWorld(5);
    world.limit = 3;
    await world.finish();
    expect(world.kept().header?.finished).toBe(false);
    world.limit = null;
    await world.finish();
    expect(world.kept().header?.finished).toBe(true);
  });

  it('the checkpoint of another campaign with the same number is not used: refused while that is unfinished, ignored afterwards', async () => {
    const world = new SimWorld(3);
    world.limit = 1;
    await world.finish();
    const recreated = Date.UTC(2026, 5, 1);
    const before = world.store.campaign.createdAt;
    world.store.campaign.createdAt = recreated;
    await expect(world.finish()).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('another campaign') });
    world.store.campaign.createdAt = before;
    world.limit = null;
    world.clock.set(world.clock.now() + 16_000);
    await world.finish();
    // A database made anew has neither the rows nor the leases of the one before.
    Object.assign(world.store.campaign, { createdAt: recreated, status: 'draft' });
    addRows(world, 2);
    world.store.rows.splice(0, 3);
    world.leases.rows.clear();
    expect((await world.finish()).exitCode).toBe(0);
    expect(world.store.rows.map(({ status }) => status)).toEqual(['sent', 'sent']);
    expect(world.provider.accepted).toHaveLength(5);
  });
});

describe('settings', () => {
  it('that change while a campaign runs apply from its next batch on', async () => {
    const world = new SimWorld(20);
    world.policy = { ...POLICY, pace: { delayMs: 3_000, batchSize: 10, batchPauseMs: 0 } };
    world.provider.behave = (call) => {
      if (call === 3) world.policy = { ...POLICY, pace: { delayMs: 5_000, batchSize: 10, batchPauseMs: 0 } };
      return answers(accepted);
    };
    await world.finish();
    expect(gaps(world)).toEqual([...Array(9).fill(3_000), ...Array(10).fill(5_000)]);
  });

  it('a batch that was slowed down for a 429 is followed by one at the configured delay', async () => {
    const world = new SimWorld(30);
    world.policy = { ...POLICY, pace: { delayMs: 4_000, batchSize: 10, batchPauseMs: 0 } };
    world.provider.behave = (call) =>
      call === 3 ? answers({ kind: 'throttled', retryAfterMs: 0, reason: 'slow down' }) : answers(accepted);
    await world.finish();
    expect(world.events.flatMap((event) => (event.type === 'delay' ? [event.toMs] : []))).toEqual([6_000, 4_000]);
  });
});

describe('what the provider accepted and then failed', () => {
  it('is a failure with its reason, and a retry of it is a message of its own', async () => {
    const world = new SimWorld(1);
    world.provider.behave = () => answers(unknown('timeout'), true, 0);
    world.provider.lookUpFault = (reference) => ({
      kind: 'found',
      providerId: `p-${reference}`,
      whatsappId: null,
      failure: { code: 'number:notfound', reason: 'not on WhatsApp' },
    });
    expect((await world.finish()).exitCode).toBe(3);
    expect(world.store.rows[0]).toMatchObject({
      status: 'failed',
      error: 'number:notfound: not on WhatsApp',
      providerId: expect.stringMatching(/^p-wsend-42-1-/),
    });
    world.provider.lookUpFault = null;
    world.provider.behave = () => answers(accepted);
    expect((await world.finish({ before: () => world.store.retryFailed() })).exitCode).toBe(0);
    expect(new Set(world.provider.accepted.map(({ reference }) => reference)).size).toBe(2);
  });
});

describe('the end', () => {
  it('tells a summary although the database is gone, and exits 1', async () => {
    for (const last of [1, 2]) {
      const world = new SimWorld(3);
      let tallies = 0;
      world.store.before = async (operation) => {
        if (operation === 'tally' && ++tallies > last) throw new DatabaseUnreachable('the database is gone');
      };
      const ending = await world.finish();
      expect(ending.exitCode).toBe(1);
      expect(world.events.at(-1)).toMatchObject({ type: 'summary', exitCode: 1 });
    }
  });

  it('counts what a database that can only be read does not have', async () => {
    const world = new SimWorld(5);
    world.store.before = async (operation) => {
      if (operation === 'record') throw new DatabaseUnreachable('the database is read-only');
    };
    const ending = await world.finish();
    expect(ending.exitCode).toBe(1);
    expect(world.provider.accepted.length).toBeGreaterThan(0);
    expect(ending.progress).toMatchObject({ sent: world.provider.accepted.length, pending: 5 - world.provider.accepted.length });
    world.store.before = async () => undefined;
    await endAllRight(world);
    expect(world.provider.duplicates()).toEqual([]);
  });

  it('is the same although the lease cannot be given back', async () => {
    const world = new SimWorld(2);
    world.leases.before = async (operation) => {
      if (operation === 'release') throw new DatabaseUnreachable('gone');
    };
    expect((await world.finish()).exitCode).toBe(0);
    expect(world.events.at(-1)).toMatchObject({ type: 'summary', exitCode: 0 });
  });

  it.each([
    ['lease', 7],
    ['line', 7],
    ['checkpoint, which was emptied,', 7],
    ['checkpoint', 1],
  ])('of a run that lost its %s says what the database says, and that has what was accepted', async (lost, exitCode) => {
    const world = new SimWorld(10);
    world.provider.behave = (call) => {
      if (call === 3 && lost === 'lease') void world.takenByAnother();
      if (call === 3 && lost === 'line') void world.takenByAnother([world.names.line]);
      if (call === 3 && lost.includes('emptied')) world.entries.wipe();
      if (call === 3 && lost === 'checkpoint') {
        world.entries.before = async () => {
          throw new CheckpointUnreachable('gone');
        };
      }
      return answers(accepted, true, 8_000);
    };
    const ending = await world.finish();
    expect(ending.exitCode).toBe(exitCode);
    expect(ending.progress.sent).toBe(world.statuses().sent);
    expectTheTruth(world);
  });

  it.each(['lease', 'checkpoint'])('of a run that loses its %s while it refuses a row is an orderly one', async (lost) => {
    const world = new SimWorld(3);
    Object.assign(world.store.rows[0] as object, { phone: 'call me' });
    const nobodyCaught: unknown[] = [];
    const listen = (error: unknown) => nobodyCaught.push(error);
    process.on('unhandledRejection', listen);
    world.provider.before = async (operation) => {
      if (operation !== 'askLine') return;
      if (lost === 'checkpoint') return world.entries.wipe();
      const { epoch } = await world.takenByAnother();
      for (const name of Object.values(world.names)) await world.entries.open(name, epoch);
    };
    const ending = await world.finish();
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', listen);
    expect([ending.exitCode, nobodyCaught]).toEqual([7, []]);
  });
});

describe('reconcile', () => {
  it('leaves a pause that a person decided on', async () => {
    const world = new SimWorld(50);
    world.onEvent = (event) => {
      if (event.type === 'sent' && event.message === 3) void world.askToPause();
    };
    await world.finish();
    await world.finish({ sending: false });
    expect(world.kept().header?.paused?.reason).toBe('pause');
    expect(world.store.campaign.status).toBe('sending');
  });

  it('settles what the database has a note of, although the checkpoint is lost', async () => {
    const world = new SimWorld(5);
    world.provider.behave = (call) => (call === 2 ? answers(unknown('timeout'), true) : answers(accepted));
    world.provider.lookUpFault = () => ({ kind: 'unsure', reason: 'cannot tell', reachable: true });
    await world.finish();
    world.provider.lookUpFault = null;
    world.entries.wipe();
    const ending = await world.finish({ sending: false });
    expect(ending).toMatchObject({ exitCode: 0, progress: { sent: 5, pending: 0 } });
    expect(world.store.campaign.status).toBe('completed');
  });
});
