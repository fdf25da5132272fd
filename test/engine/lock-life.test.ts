import { expect, test } from 'vitest';
import { CHECKPOINT_PATIENCE } from '../../src/engine/journal.ts';
import { HEARTBEAT } from '../../src/engine/keep-locks.ts';
import { LOCK_LIFE, WISH_LIFE } from '../../src/ports.ts';
import { CLAIM_GOOD_FOR } from '../../src/send.ts';

test('a checkpoint that stops answering ends the run before its locks are free to others', () => {
  expect(HEARTBEAT + CHECKPOINT_PATIENCE).toBeLessThan(LOCK_LIFE);
});

test('nothing leaves by a claim whose lock may be taken over', () => {
  expect(CLAIM_GOOD_FOR).toBeLessThan(LOCK_LIFE);
});

test('a wish for a line is heard of while it is good', () => {
  expect(HEARTBEAT).toBeLessThan(WISH_LIFE);
});
