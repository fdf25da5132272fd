import { expect, it } from 'vitest';
import { DatabaseUnreachable } from '../../src/errors.ts';
import { KEPT_FOR, Worker } from '../../src/listen/worker.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Inbox, WorkedOff } from '../../src/ports/inbox.ts';

const NOTHING: WorkedOff = { results: [], message2: { pending: 0, failed: 0 }, moved: [] };
const ROUND: WorkedOff = { results: [{ kind: 'reply', result: 'done' }], message2: { pending: 1, failed: 0 }, moved: [] };

/** A world in which waiting takes no time, until the rounds are used up. */
function world(rounds: (WorkedOff | Error)[], due: number | null = null) {
  const stop = new AbortController();
  const slept: number[] = [];
  const said: string[] = [];
  const forgotten: number[] = [];
  let now = 1_000_000_000;
  const clock = {
    now: () => now,
    sleep: async (until: number) => {
      slept.push(until - now);
      now = Math.max(now, until);
    },
    turn: async () => undefined,
  } as Clock;
  const inbox = {
    async workOff() {
      const next = rounds.shift();
      if (rounds.length === 0) stop.abort();
      if (next instanceof Error) throw next;
      return next ?? NOTHING;
    },
    nextDue: async () => (due === null ? null : now + due),
    forget: async (before: number) => {
      forgotten.push(now - before);
      return 0;
    },
  } as unknown as Inbox;
  const worker = new Worker(inbox, clock, {
    worked: ({ results }) => said.push(`worked ${results.length}`),
    trouble: (reason) => said.push(reason),
    wellAgain: () => said.push('well again'),
  });
  return { worker, stop, slept, said, forgotten };
}

it('goes on while there is something to do, and then waits until something is due', async () => {
  const { worker, stop, slept, said, forgotten } = world([ROUND, ROUND, NOTHING, NOTHING], 1_500);
  await worker.run(stop.signal);
  expect(said).toEqual(['worked 1', 'worked 1']);
  expect(slept.at(-1)).toBe(1_500);
  expect(forgotten).toEqual([KEPT_FOR]);
});

it('looks every five seconds although nothing is due, for another listener may have taken something', async () => {
  const { worker, stop, slept } = world([NOTHING, NOTHING, NOTHING]);
  await worker.run(stop.signal);
  expect(slept).toEqual([5_000, 5_000]);
});

it('says once that the database is away, is not well meanwhile, and goes on when it is back', async () => {
  const lost = new DatabaseUnreachable('the database does not answer');
  const { worker, stop, said } = world([lost, new Error('odd'), ROUND, NOTHING]);
  await worker.run(stop.signal);
  expect(said).toEqual(['the database does not answer', 'worked 1', 'well again']);
  expect(worker.trouble).toBe(null);
  const stuck = world([lost]);
  await stuck.worker.run(stuck.stop.signal);
  expect(stuck.worker.trouble).toBe('the database does not answer');
});
