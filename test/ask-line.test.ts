import { expect, it } from 'vitest';
import type { LineState } from '../src/core/outcome.ts';
import { accepted, answers, gaps, unknown } from './support/answers.ts';
import { POLICY, SimWorld } from './support/sim-world.ts';

const READY: LineState = { kind: 'ready', name: 'x' };
const PAUSED: LineState = { kind: 'waiting', reason: 'the queue of the device is paused', queuePaused: true };
const MINUTE = 60_000;

/** A device whose queue delivers so many messages a minute, and tells how many wait; `longest` is the most that ever did. */
function withQueue(world: SimWorld, perMinute: () => number) {
  const queue = { longest: 0, waiting: 0, since: world.clock.now() };
  const drain = () => {
    const now = world.clock.now();
    const gone = ((now - queue.since) * perMinute()) / MINUTE;
    queue.waiting = Math.max(0, queue.waiting - gone);
    queue.since = now;
  };
  world.provider.onAccept = () => {
    drain();
    queue.waiting += 1;
    queue.longest = Math.max(queue.longest, queue.waiting);
  };
  world.provider.lineState = () => {
    drain();
    return { ...READY, queued: Math.ceil(queue.waiting) };
  };
  return queue;
}

function rests(world: SimWorld, reason: string) {
  return world.events.filter((event) => event.type === 'rest' && event.reason === reason);
}

it('the line is asked once a minute while a run sends, and the pace does not wait for the answer', async () => {
  const world = new SimWorld(100);
  world.policy = { ...POLICY, pace: { ...POLICY.pace, batchPauseMs: 0 } };
  world.provider.lineState = () => {
    world.provider.lineLatencyMs = 25_000;
    return READY;
  };
  const begin = world.clock.now();
  expect((await world.finish()).exitCode).toBe(0);
  expect(new Set(gaps(world))).toEqual(new Set([3_000]));
  expect(world.provider.asked.map((at) => Math.round((at - begin) / MINUTE))).toEqual([0, 1, 2, 3, 4, 5]);
});

it.each<LineState>([
  { kind: 'unreachable', reason: 'the server answered 502' },
  { kind: 'barred', code: 'http:403', reason: 'the key may not ask' },
])('a line that cannot be asked in the middle of a run does not stop it: %o', async (state) => {
  const world = new SimWorld(100);
  world.provider.lineState = () => (world.provider.asked.length === 1 ? { ...READY, queued: 0 } : state);
  world.policy = { ...POLICY, pace: { ...POLICY.pace, batchPauseMs: 0 } };
  expect((await world.finish()).exitCode).toBe(0);
  expect(new Set(gaps(world))).toEqual(new Set([3_000]));
});

it('a queue that is paused in the middle of a run, while the provider still accepts: the run rests, says so, and goes on afterwards', async () => {
  const world = new SimWorld(100);
  const begin = world.clock.now();
  const isPaused = () => world.clock.now() >= begin + 100_000 && world.clock.now() < begin + 400_000;
  world.provider.lineState = () => (isPaused() ? PAUSED : READY);
  expect((await world.finish()).exitCode).toBe(0);
  // Asked at 120 s for the first time.
  const during = world.provider.starts.filter((at) => at > begin + 121_000 && at < begin + 400_000);
  expect(during).toEqual([]);
  expect(rests(world, 'queue_paused')[0]).toMatchObject({ detail: 'the queue of the device is paused' });
  expect(Math.max(...gaps(world))).toBeLessThanOrEqual(400_000 - 120_000 + 23_000);
});

it('a line that is not ready for half an hour pauses the campaign, although every message is accepted', async () => {
  const world = new SimWorld(100);
  const begin = world.clock.now();
  // Answers that are under way when the line is found unready do not make it ready.
  world.provider.behave = () => answers(accepted, true, 9_000);
  world.provider.lineState = () => (world.clock.now() >= begin + 70_000 ? PAUSED : READY);
  expect((await world.finish()).exitCode).toBe(6);
  expect(world.events.find((event) => event.type === 'paused')).toMatchObject({
    reason: 'waiting',
    detail: 'the queue of the device is paused, for 30 min',
  });
  expect(world.clock.now() - begin).toBeLessThan(120_000 + 31 * MINUTE);
  expect(world.provider.starts.length).toBeLessThanOrEqual(41);
});

it('a device that says in the middle of a run that it is banned ends the run', async () => {
  const world = new SimWorld(100);
  world.provider.lineState = () =>
    world.provider.asked.length === 1 ? READY : { kind: 'barred', code: 'device:banned', reason: 'the device is banned', byDevice: true };
  expect((await world.finish()).exitCode).toBe(4);
  expect(world.statuses()).toEqual({ sent: 20, pending: 80 });
});

it('when nothing came back, the line is asked at once', async () => {
  const world = new SimWorld(10);
  world.provider.behave = (call) => (call === 4 ? answers(unknown('timeout'), true, 500) : answers(accepted));
  world.provider.lineState = () => (world.provider.asked.length === 2 ? { kind: 'waiting', reason: 'offline' } : READY);
  expect((await world.finish()).exitCode).toBe(0);
  expect(world.provider.asked[1]).toBe((world.provider.starts[3] as number) + 500);
  expect(gaps(world)[3]).toBe(20_500);
  expect(world.provider.duplicates()).toEqual([]);
});

it.each([0, 3_000])(
  'a device that delivers more slowly than the pace: never more than a batch waits in its queue (%i ms)',
  async (delayMs) => {
    const world = new SimWorld(120);
    world.policy = {
      ...POLICY,
      pace: { delayMs, batchSize: 20, batchPauseMs: 0 },
      bounds: { minDelayMs: 0, maxDelayMs: 10_000 },
      queueLimit: 20,
    };
    world.provider.behave = () => answers(accepted, true, 100);
    const queue = withQueue(world, () => 6);
    const begin = world.clock.now();
    expect((await world.finish()).exitCode).toBe(0);
    expect(queue.longest).toBeLessThanOrEqual(20);
    expect(rests(world, 'queue_full')[0]).toMatchObject({
      detail: expect.stringMatching(/^\d+ messages wait in the queue of the device$/),
    });
    // The device is never idle for want of messages.
    expect(world.clock.now() - begin).toBeLessThan((120 / 6) * MINUTE);
  },
);

it('messages of others in the queue count, and 0 as the limit lets in as many as come', async () => {
  for (const [queueLimit, exitCode] of [
    [75, 6],
    [0, 0],
  ] as const) {
    const world = new SimWorld(10);
    world.policy = { ...POLICY, queueLimit };
    world.provider.lineState = () => ({ ...READY, queued: 500 });
    expect((await world.finish()).exitCode).toBe(exitCode);
    expect(world.provider.starts.length).toBe(exitCode === 0 ? 10 : 0);
  }
});

it('a queue that stands still pauses the campaign after half an hour; one that only moves slowly never does', async () => {
  const world = new SimWorld(60);
  world.policy = { ...POLICY, pace: { ...POLICY.pace, batchSize: 25 }, queueLimit: 25 };
  let speed = 0.2;
  const queue = withQueue(world, () => speed);
  world.onEvent = (event) => {
    if (event.type === 'sent' && event.progress.sent === 40) speed = 0;
  };
  expect((await world.finish()).exitCode).toBe(6);
  expect(world.statuses().sent).toBeGreaterThanOrEqual(40);
  expect(queue.longest).toBeLessThanOrEqual(25);
  expect(world.events.find((event) => event.type === 'paused')).toMatchObject({
    reason: 'waiting',
    detail: expect.stringContaining('in the queue of the device, for 30 min'),
  });
});

it('a queue that drains in time never shifts the pace, however slowly it is told of', async () => {
  for (const latency of [0, 900, 20_000]) {
    const world = new SimWorld(120);
    world.policy = { ...POLICY, pace: { ...POLICY.pace, batchPauseMs: 0 } };
    withQueue(world, () => 60);
    const state = world.provider.lineState;
    world.provider.lineState = () => {
      world.provider.lineLatencyMs = latency;
      return state();
    };
    expect((await world.finish()).exitCode).toBe(0);
    // All but the first, for which the line is asked before.
    expect(new Set(gaps(world))).toEqual(new Set([3_000]));
    expect(rests(world, 'queue_full')).toEqual([]);
  }
});

it('a full queue that is told of no more does not hold the run', async () => {
  const world = new SimWorld(10);
  world.provider.lineState = () =>
    world.provider.asked.length === 1 ? { ...READY, queued: 500 } : { kind: 'unreachable', reason: 'the server answered 500' };
  expect((await world.finish()).exitCode).toBe(0);
  expect(world.clock.now()).toBeLessThan((world.provider.starts[0] as number) + 30_000);
});

it('at full speed nothing is asked but the queue, twice in a batch', async () => {
  const world = new SimWorld(400);
  world.policy = {
    ...POLICY,
    pace: { delayMs: 0, batchSize: 100, batchPauseMs: 0 },
    bounds: { minDelayMs: 0, maxDelayMs: 10_000 },
    queueLimit: 100,
  };
  world.provider.lineState = () => ({ ...READY, queued: 0 });
  expect((await world.finish()).exitCode).toBe(0);
  expect(world.provider.asked.length).toBeLessThanOrEqual(9);
  const silent = new SimWorld(400);
  silent.policy = world.policy;
  expect((await silent.finish()).exitCode).toBe(0);
  expect(silent.provider.asked.length).toBe(1);
});
