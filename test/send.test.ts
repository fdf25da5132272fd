import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eta } from '../src/core/eta.ts';
import { remember } from '../src/core/list-knowledge.ts';
import { accepted, answers, endAllRight, faults, faultyFor, gaps, invalid, kills, unexpected, unknown } from './support/answers.ts';
import type { Accepted } from './support/memory-provider.ts';
import { Life, POLICY, SimWorld } from './support/sim-world.ts';

const pace = fc.record({
  delayMs: fc.integer({ min: 1, max: 20_000 }),
  batchSize: fc.integer({ min: 1, max: 40 }),
  batchPauseMs: fc.integer({ min: 0, max: 60_000 }),
});

describe('pace', () => {
  it('Property 3, completion time estimation: the last send starts when the formula says, whatever the answers take', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 120 }),
        pace,
        fc.array(fc.integer({ min: 0, max: 1_500 }), { minLength: 1 }),
        async (count, chosen, latencies) => {
          const world = new SimWorld(count);
          world.policy = { ...POLICY, pace: chosen, bounds: { minDelayMs: 0, maxDelayMs: 60_000 }, concurrency: 200 };
          world.provider.behave = (call) => answers(accepted, true, Math.min(chosen.delayMs, latencies[call % latencies.length] as number));
          const begin = world.clock.now();
          const ending = await world.finish();
          expect(ending.exitCode).toBe(0);
          const lastStart = (world.provider.starts.at(-1) as number) - begin;
          expect(lastStart).toBe((count - 1) * chosen.delayMs + (Math.ceil(count / chosen.batchSize) - 1) * chosen.batchPauseMs);
          const estimate = eta(count, chosen);
          expect(lastStart).toBeLessThanOrEqual(estimate);
          expect(estimate - lastStart).toBeLessThanOrEqual(chosen.delayMs + chosen.batchPauseMs + 1);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('requests that are each written a fraction of a millisecond late do not add up', async () => {
    const world = new SimWorld(200);
    world.policy = { ...POLICY, pace: { delayMs: 100, batchSize: 5_000, batchPauseMs: 0 }, bounds: { minDelayMs: 0, maxDelayMs: 10_000 } };
    const send = world.provider.send.bind(world.provider);
    world.provider.send = (message, slot) => {
      const onStart = (at: number) => {
        world.clock.set(at + 1);
        slot.onStart?.(at + 0.9);
      };
      return send(message, { ...slot, onStart });
    };
    expect((await world.finish()).exitCode).toBe(0);
    expect(gaps(world)).toEqual(Array(199).fill(100));
  });

  it('a slow answer does not stretch the pace while a call is free', async () => {
    const world = new SimWorld(50);
    world.provider.behave = () => answers(accepted, true, 11_000);
    await world.finish();
    expect(new Set(gaps(world))).toEqual(new Set([3_000]));
    expect(world.provider.mostInFlight).toBe(4);
  });

  it('answers slower than every call in flight stretch the pace, and nothing is caught up afterwards', async () => {
    const world = new SimWorld(40);
    world.provider.behave = (call) => answers(accepted, true, call <= 8 ? 30_000 : 10);
    await world.finish();
    expect(Math.min(...gaps(world))).toBeGreaterThanOrEqual(3_000);
    expect(world.provider.mostInFlight).toBeLessThanOrEqual(4);
  });

  it('a machine that slept for an hour goes on one delay after its last send', async () => {
    const world = new SimWorld(10);
    world.provider.behave = (call) => {
      if (call === 5) world.clock.set(world.clock.now() + 14_000);
      return answers(accepted, true, 0);
    };
    await world.finish();
    expect(Math.min(...gaps(world))).toBeGreaterThanOrEqual(3_000);
  });

  it('a resumed campaign waits for the rest of the delay, and of the batch pause', async () => {
    const world = new SimWorld(10);
    world.policy = { ...POLICY, pace: { delayMs: 5_000, batchSize: 5, batchPauseMs: 20_000 } };
    world.limit = 5;
    expect((await world.finish()).exitCode).toBe(6);
    world.limit = null;
    await world.finish();
    expect(gaps(world)).toEqual([5_000, 5_000, 5_000, 5_000, 25_000, 5_000, 5_000, 5_000, 5_000]);
  });
});

describe('errors', () => {
  it('more than 5 % failed: the next batch goes at one and a half times the delay, and back when it is 5 % again', async () => {
    const world = new SimWorld(120);
    world.policy = { ...POLICY, pace: { delayMs: 4_000, batchSize: 30, batchPauseMs: 0 } };
    world.provider.behave = (call) => (call <= 2 ? answers(invalid) : answers(accepted));
    const ending = await world.finish();
    expect(ending.exitCode).toBe(3);
    const delays = world.events.filter((event) => event.type === 'delay');
    expect(delays.map(({ fromMs, toMs, cause }) => [fromMs, toMs, cause])).toEqual([
      [4_000, 6_000, 'error_rate'],
      [6_000, 4_000, 'recovered'],
    ]);
    expect(delays[0]).toMatchObject({ errorRate: 2 / 30 });
  });

  it('more than 20 % failed: the campaign pauses with its cause named, and resume starts its count anew', async () => {
    const world = new SimWorld(100);
    world.provider.behave = (call) => (call % 3 === 0 ? answers(invalid) : answers(accepted));
    const ending = await world.finish();
    expect(ending.exitCode).toBe(5);
    expect(world.events.find((event) => event.type === 'paused')).toMatchObject({
      reason: 'circuit_breaker',
      detail: '6 of 20 failed = 30 %: 6 × phone:invalid',
    });
    expect(world.kept().header?.paused?.reason).toBe('circuit_breaker');
    expect(world.store.campaign.status).toBe('sending');
    world.provider.behave = () => answers(accepted);
    expect((await world.finish()).exitCode).toBe(3);
    expect(world.statuses()).toEqual({ sent: 94, failed: 6 });
  });

  /** The listener writes into the database that some failed at the provider, among the first that it had accepted. */
  const failAtProvider = (world: SimWorld, count: number, error = 'message:failed: accepted, then failed at the provider') => {
    const accepted = world.store.rows.filter(({ status }) => status === 'sent').slice(0, count);
    for (const row of accepted) Object.assign(row, { status: 'failed', error });
  };

  it('what fails after it was accepted slows the next batch down, and is counted', async () => {
    const world = new SimWorld(90);
    world.policy = { ...POLICY, pace: { delayMs: 4_000, batchSize: 30, batchPauseMs: 20_000 } };
    world.onEvent = (event) => {
      if (event.type === 'rest' && event.reason === 'batch_pause' && world.statuses().failed === undefined) failAtProvider(world, 2);
    };
    const ending = await world.finish();
    expect(ending).toMatchObject({ exitCode: 3, progress: { sent: 88, failed: 2, pending: 0 } });
    expect(world.events.flatMap((event) => (event.type === 'delay' ? [[event.toMs, event.errorRate]] : []))).toEqual([
      [6_000, 2 / 30],
      [4_000, 2 / 60],
    ]);
    expect(world.events.find(({ type }) => type === 'notice')).toMatchObject({
      text: '2 messages that Memory had accepted failed afterwards',
    });
  });

  it('when too many fail after they were accepted, the campaign pauses before its next batch', async () => {
    const world = new SimWorld(90);
    world.policy = { ...POLICY, pace: { ...POLICY.pace, batchSize: 30 } };
    world.onEvent = (event) => {
      if (event.type === 'rest' && event.reason === 'batch_pause') failAtProvider(world, 7);
    };
    const ending = await world.finish();
    expect(ending).toMatchObject({ exitCode: 5, progress: { sent: 23, failed: 7, pending: 60 } });
    expect(world.events.find(({ type }) => type === 'paused')).toMatchObject({
      reason: 'circuit_breaker',
      detail: '7 of 30 failed = 23 %: 7 × message:failed',
    });
    expect(world.provider.starts).toHaveLength(30);
  });

  it('what fails afterwards for the sake of the line stops the run with 4, and neither the breaker nor the error rate counts it', async () => {
    const world = new SimWorld(90);
    world.policy = { ...POLICY, pace: { ...POLICY.pace, batchSize: 30 } };
    world.onEvent = (event) => {
      if (event.type === 'rest' && event.reason === 'batch_pause') failAtProvider(world, 12, 'line:131047: accepted, then failed');
    };
    const ending = await world.finish();
    expect(ending).toMatchObject({ exitCode: 4, progress: { sent: 18, failed: 12, pending: 60 } });
    expect(world.events.find(({ type }) => type === 'paused')).toMatchObject({
      reason: 'barred',
      detail: expect.stringContaining('131047'),
    });
    world.onEvent = () => undefined;
    expect(await world.finish()).toMatchObject({ exitCode: 3, progress: { sent: 78, failed: 12 } });
    expect(world.events.filter(({ type }) => type === 'delay')).toEqual([]);
  });

  it('a look-up that finds it failed for the sake of the line stops the run, too', async () => {
    const world = new SimWorld(9);
    world.provider.behave = (call) => answers(call === 3 ? unknown('reset') : accepted, true);
    const failure = { code: 'line:131042', reason: 'payment' };
    world.provider.lookUpFault = (reference) =>
      reference.includes('-3-') ? { kind: 'found', providerId: 'x', whatsappId: null, failure } : null;
    expect(await world.finish()).toMatchObject({ exitCode: 4, progress: { failed: 1 } });
  });

  it('a 429 stops the whole line for as long as it asks, uses up no attempt, and slows the next batch down', async () => {
    const world = new SimWorld(20);
    world.policy = { ...POLICY, pace: { ...POLICY.pace, batchSize: 10 } };
    world.provider.behave = (call) =>
      call === 3 ? answers({ kind: 'throttled', retryAfterMs: 90_000, reason: 'slow down' }) : answers(accepted);
    const ending = await world.finish();
    expect(ending.exitCode).toBe(0);
    expect(gaps(world)[2]).toBeGreaterThanOrEqual(90_000);
    expect(world.events.find((event) => event.type === 'delay')).toMatchObject({ toMs: 4_500, cause: 'throttled' });
    expect(world.store.rows.every((row) => row.attempts === 1)).toBe(true);
  });

  it('a provider that throttles for half an hour pauses the campaign', async () => {
    const world = new SimWorld(20);
    world.provider.behave = () => answers({ kind: 'throttled', retryAfterMs: null, reason: 'slow down' });
    const begin = world.clock.now();
    const ending = await world.finish();
    expect(ending.exitCode).toBe(6);
    expect(world.clock.now() - begin).toBeGreaterThanOrEqual(30 * 60_000);
    expect(world.clock.now() - begin).toBeLessThan(32 * 60_000);
    expect(world.statuses()).toEqual({ pending: 20 });
  });

  it('a device that is offline is asked until it is back; its message was looked up and costs no attempt', async () => {
    const world = new SimWorld(10);
    let asked = 0;
    world.provider.lineState = () => (++asked === 2 ? { kind: 'waiting', reason: 'offline' } : { kind: 'ready', name: 'x' });
    world.provider.behave = (call) => (call === 4 ? answers(unknown('http:503', true), false) : answers(accepted));
    expect((await world.finish()).exitCode).toBe(0);
    expect(gaps(world)[3]).toBeGreaterThanOrEqual(40_000);
    expect(world.provider.lookUps).toBeGreaterThan(1);
    expect(world.provider.duplicates()).toEqual([]);
    expect(world.store.rows.every((row) => row.attempts === 1)).toBe(true);
  });

  it('a provider that cannot be reached is tried again after 1, 2, 4 and then every 5 minutes, until the campaign pauses', async () => {
    const world = new SimWorld(10);
    world.provider.behave = () => answers({ kind: 'unavailable', code: 'ECONNREFUSED', reason: 'refused' }, false, 0);
    expect((await world.finish()).exitCode).toBe(6);
    expect(gaps(world).map((gap) => Math.round(gap / 60_000))).toEqual([1, 2, 4, 5, 5, 5, 5]);
  });

  it('a key that is refused stops the run at once, and the recipient stays pending', async () => {
    const world = new SimWorld(10);
    world.provider.behave = (call) => (call === 4 ? answers({ kind: 'barred', code: 'http:401', reason: 'bad key' }) : answers(accepted));
    expect((await world.finish()).exitCode).toBe(4);
    expect(world.statuses()).toEqual({ sent: 3, pending: 7 });
  });

  it.each([true, false])(
    'five answers in a row that do not confirm their messages stop the line and say what came instead, whether they arrived (%s) or not',
    async (takes) => {
      const world = new SimWorld(20);
      world.provider.behave = (call) => (call <= 3 ? answers(accepted) : answers(unexpected, takes));
      const { exitCode, progress } = await world.finish();
      expect(exitCode).toBe(4);
      expect(world.provider.starts).toHaveLength(8);
      expect(progress.sent).toBe(takes ? 8 : 3);
      expect(world.events.findLast(({ type }) => type === 'paused')).toMatchObject({
        ...{ reason: 'barred', detail: expect.stringContaining('5 answers in a row do not confirm their messages') },
      });
      expect(world.kept().header?.paused?.detail).toContain('the server answered 200 with a web page');
    },
  );

  it('five of them stop it, though nobody is left to send to', async () => {
    const world = new SimWorld(5);
    world.provider.behave = () => answers(unexpected, true);
    expect(await world.finish()).toMatchObject({ exitCode: 4, progress: { sent: 5 } });
    expect((await world.finish()).exitCode).toBe(0);
  });

  it('a good answer among them begins the count anew, and each of the others is looked up', async () => {
    const world = new SimWorld(20);
    world.provider.behave = (call) => (call % 5 === 0 ? answers(accepted) : answers(unexpected, true));
    expect(await world.finish()).toMatchObject({ exitCode: 0, progress: { sent: 20 } });
    expect(world.provider.accepted).toHaveLength(20);
  });

  it('a recipient whose answer was lost is looked up before a second attempt', async () => {
    const world = new SimWorld(10);
    world.provider.listedAfterMs = 4_000;
    world.provider.behave = (call) => (call % 3 === 0 ? answers(unknown('timeout'), true) : answers(accepted));
    expect((await world.finish()).exitCode).toBe(0);
    expect(world.provider.starts.length).toBe(10);
    expect(world.provider.duplicates()).toEqual([]);
  });

  it('Property 7, exponential backoff: an absent message is tried again after 60 and 120 s, and fails after the third attempt', async () => {
    const world = new SimWorld(1);
    const [other] = world.provider.history as [Accepted];
    world.provider.behave = () => {
      if (world.run !== null) remember(world.run.line.list, { ...other, at: world.clock.now() });
      return answers(unknown('http:502'), false, 0);
    };
    expect((await world.finish()).exitCode).toBe(3);
    expect(gaps(world)).toEqual([70_000, 130_000]);
    expect(world.events.flatMap((event) => (event.type === 'retry' ? [event.waitMs] : []))).toEqual([60_000, 120_000]);
    expect(world.store.rows[0]).toMatchObject({ status: 'failed', attempts: 3, error: expect.stringContaining('unconfirmed:http:502: ') });
  });

  it('others go on while one waits for its next attempt', async () => {
    const world = new SimWorld(20);
    world.provider.behave = (call) => (call === 1 ? answers(unknown('http:500'), false, 0) : answers(accepted));
    expect((await world.finish()).exitCode).toBe(0);
    expect(gaps(world).slice(0, 18)).toEqual(Array(18).fill(3_000));
  });

  it('what nobody can tell is left in doubt and said, and a later run settles it', async () => {
    const world = new SimWorld(5);
    world.provider.behave = (call) => (call === 2 ? answers(unknown('timeout'), true) : answers(accepted));
    world.provider.lookUpFault = () => ({ kind: 'unsure', reason: 'two numbers under one reference', reachable: true });
    const ending = await world.finish();
    expect(ending.exitCode).toBe(3);
    expect(ending.progress).toMatchObject({ sent: 4, inDoubt: 1, pending: 0 });
    expect(world.store.campaign.status).toBe('sending');
    world.provider.lookUpFault = null;
    expect((await world.finish({ sending: false })).exitCode).toBe(0);
    expect(world.statuses()).toEqual({ sent: 5 });
    expect(world.store.campaign.status).toBe('completed');
    expect(world.provider.duplicates()).toEqual([]);
  });

  it('a row that cannot be sent fails without a call', async () => {
    const world = new SimWorld(3);
    Object.assign(world.store.rows[0] as object, { phone: 'call me' });
    Object.assign(world.store.rows[1] as object, { content: 'x'.repeat(5_000) });
    expect((await world.finish()).exitCode).toBe(3);
    expect(world.provider.starts.length).toBe(1);
    expect(world.statuses()).toEqual({ failed: 2, sent: 1 });
  });
});

describe('stopping', () => {
  it.each([0, 3_000])('after a limit exactly so many are sent, %i ms apart', async (delayMs) => {
    const world = new SimWorld(50);
    world.policy = { ...POLICY, pace: { delayMs, batchSize: 100, batchPauseMs: 0 }, bounds: { minDelayMs: 0, maxDelayMs: 10_000 } };
    world.provider.behave = () => answers(accepted, true, 100);
    world.limit = 11;
    expect(await world.finish()).toMatchObject({ exitCode: 6, progress: { sent: 11, pending: 39 } });
    expect(world.provider.duplicates()).toEqual([]);
  });

  it('a signal lets the calls in flight finish and be recorded, and starts no other', async () => {
    const world = new SimWorld(50);
    world.provider.behave = (call) => {
      if (call === 10) world.stop();
      return answers(accepted, true, 10_000);
    };
    expect((await world.finish()).exitCode).toBe(130);
    expect(world.provider.starts.length).toBe(10);
    expect(world.statuses()).toEqual({ sent: 10, pending: 40 });
    expect(world.kept().claims.length).toBe(0);
  });

  it('a pause that is asked for from elsewhere stops the run', async () => {
    const world = new SimWorld(50);
    world.onEvent = (event) => {
      if (event.type === 'sent' && event.message === 7) void world.askToPause();
    };
    expect((await world.finish()).exitCode).toBe(6);
    expect(world.provider.accepted.length).toBeLessThan(10);
    expect(world.kept().header?.paused?.reason).toBe('pause');
  });

  it('a limit is a pause, unless everyone had theirs', async () => {
    const world = new SimWorld(10);
    world.limit = 10;
    expect((await world.finish()).exitCode).toBe(0);
  });
});

describe('crashes', () => {
  it('Properties 4 and 6, resume after interruption and idempotency: killed anywhere, everybody gets it exactly once or is known to have failed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 25 }),
        faults,
        kills,
        fc.integer({ min: 0, max: 6_000 }),
        async (count, faulty, killed, listedAfterMs) => {
          const world = new SimWorld(count);
          world.policy = { ...POLICY, pace: { delayMs: 2_000, batchSize: 7, batchPauseMs: 4_000 } };
          world.provider.listedAfterMs = listedAfterMs;
          world.provider.behave = faultyFor(60, faulty);
          for (const { call, after } of killed) await world.killed(call, { after });
          await endAllRight(world);
          expect(world.provider.duplicates()).toEqual([]);
          const reached = new Set(world.provider.accepted.map(({ phone }) => phone));
          for (const row of world.store.rows) expect(row.status === 'sent').toBe(reached.has(row.phone));
          const kept = world.kept();
          expect(kept.recipients.size).toBe(0);
          expect(kept.counted).toEqual({ sent: reached.size, failed: count - reached.size });
          expect(Math.min(...gaps(world), 2_000)).toBeGreaterThanOrEqual(1_999);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('killed at every single call of a campaign, once before and once after it has its effect', async () => {
    for (const after of [false, true]) {
      let call = 1;
      for (; ; call += 1) {
        const world = new SimWorld(4);
        if ((await world.killed(call, { after })) !== null) break;
        await endAllRight(world);
        expect(world.provider.duplicates()).toEqual([]);
        expect(world.statuses()).toEqual({ sent: 4 });
      }
      expect(call).toBeGreaterThan(40);
    }
  });

  it('Redis wiped after a kill: what may have been sent since the last write is looked up before anything is sent', async () => {
    for (let call = 1; call < 60; call += 1) {
      const world = new SimWorld(6);
      world.provider.behave = (n) => (n % 3 === 0 ? answers(unknown('timeout'), true, 3_000) : answers(accepted));
      expect(await world.killed(call, { after: call % 2 === 0 })).toBeNull();
      world.entries.wipe();
      await endAllRight(world);
      expect(world.provider.duplicates()).toEqual([]);
      expect(world.statuses()).toEqual({ sent: 6 });
    }
  });

  it('a run that was suspended while another took over sends nothing more', async () => {
    for (const where of ['send', 'write', 'answer']) {
      for (let message = 1; message <= 10; message += 1) {
        const world = new SimWorld(12);
        const life = new Life();
        let asleep = false;
        world.provider.before = async (operation) => {
          if (operation !== where || asleep || world.provider.starts.length < message - 1) return;
          asleep = true;
          const goOn = life.suspend();
          void world.clock.sleep(world.clock.now() + 3_600_000).then(goOn);
          await world.clock.sleep(world.clock.now() + 3_600_000);
        };
        const suspended = world.start({ life });
        const other = world.clock.sleep(world.clock.now() + 300_000).then(() => world.start());
        const [first, second] = await world.clock.run(Promise.all([suspended, other]));
        expect(first.exitCode).toBe(7);
        // Before the call is prepared its claim is not durable; once it is there, the request may be on the way as long as its run lives.
        expect(second.exitCode).toBe(where === 'write' ? 3 : 0);
        expect(second.progress).toMatchObject({ pending: 0, failed: 0 });
        expect(world.provider.duplicates()).toEqual([]);
        await endAllRight(world);
        expect(world.provider.duplicates()).toEqual([]);
        expect(world.statuses()).toEqual({ sent: 12 });
      }
    }
  });
});
