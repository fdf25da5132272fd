import { expect, it } from 'vitest';
import type { Recipient } from '../../src/core/campaign.ts';
import { DAY, HOUR, MINUTE } from '../../src/core/units.ts';
import { Queue } from '../../src/loop/queue.ts';
import { MemoryStore } from '../support/memory-store.ts';

const NOW = Date.UTC(2026, 0, 5);
const recipient = (message: number): Recipient => ({
  ...{ message, phone: '+22901', content: 'x', attempts: 1, marked: false, skipped: false, acceptedBefore: null },
});

async function emptyQueue(): Promise<Queue> {
  const queue = new Queue(42, new MemoryStore(0), { pageSize: () => 10, leftOut: [] });
  await queue.read();
  return queue;
}

it('no wait for a retry becomes longer than it was when the clock is set back', async () => {
  const queue = await emptyQueue();
  queue.retry({ recipient: recipient(1), attempts: 1 }, NOW + 2 * MINUTE, NOW);
  queue.retry({ recipient: recipient(2), attempts: 1 }, NOW + MINUTE, NOW);
  expect(queue.peek(NOW + 30_000)).toEqual({ at: NOW + MINUTE });
  const before = NOW - 4 * DAY;
  expect(queue.peek(before)).toEqual({ at: before + MINUTE });
  expect(queue.peek(before + MINUTE)).toBe('ready');
  expect(queue.take(before + MINUTE).recipient.message).toBe(2);
  expect(queue.peek(before + MINUTE)).toEqual({ at: before + 2 * MINUTE });
  // Forward again: it is due, and nothing is late for ever.
  expect(queue.peek(NOW)).toBe('ready');
  expect(queue.take(NOW).recipient.message).toBe(1);
  expect(queue.peek(NOW)).toBe('empty');
});

it('a retry that an earlier run has put off by a clock that was days ahead waits a day at most', async () => {
  const queue = await emptyQueue();
  queue.retry({ recipient: recipient(1), attempts: 1 }, NOW + 9 * DAY, NOW);
  expect(queue.peek(NOW + HOUR)).toEqual({ at: NOW + DAY });
});
