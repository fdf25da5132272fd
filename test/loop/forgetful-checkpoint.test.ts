import { describe, expect, it } from 'vitest';
import { accepted, answers, unknown } from '../support/answers.ts';
import type { MemoryEntries } from '../support/memory-entries.ts';
import { POLICY, SimWorld } from '../support/sim-world.ts';

// A run and its Redis die together, and Redis comes back as it was two seconds before: a fail-over, or a power cut with appendfsync everysec.

const FORGETS = 2_000;
const RECIPIENTS = 12;

describe('a checkpoint that lost its last two seconds, wherever the run was killed', () => {
  it.each([
    ['answers at once', 0, 'another process'],
    ['answers that are often lost', 3, 'another process'],
    ['a store that does not tell which process it is', 0, ''],
  ])('%s: nobody twice, nobody forgotten', async (_what, lost, server) => {
    let wentBack = 0;
    for (let half = 8; half < 300; half += 1) {
      const [call, after] = [half >> 1, half % 2 === 0];
      const world = new SimWorld(RECIPIENTS);
      world.policy = {
        ...POLICY,
        pace: { ...POLICY.pace, delayMs: 500 },
        bounds: { minDelayMs: 500, maxDelayMs: 10_000 },
        // A second attempt comes when the first is no longer among what was forgotten.
        retry: { maxAttempts: 3, baseDelayMs: 3_000 },
        lookupMs: 1_000,
      };
      world.provider.behave = (n) =>
        lost > 0 && n % lost === 0 ? answers(unknown('timeout'), n % 2 === 0, 700) : answers(accepted, true, 300);
      world.entries.server = server && 'one process';
      const past: { at: number; copy: ReturnType<MemoryEntries['copy']> }[] = [];
      world.entries.after = async () => void past.push({ at: world.clock.now(), copy: world.entries.copy() });
      const ended = await world.killed(call, { after });
      if (ended !== null) break;
      const before = past.findLast(({ at }) => at <= world.clock.now() - FORGETS);
      if (before !== undefined) world.entries.restore(before.copy);
      world.entries.server = server;
      wentBack += before === undefined ? 0 : 1;
      const ending = await world.finish();
      expect(world.provider.duplicates(), `killed at call ${call}`).toEqual([]);
      expect(ending.progress, `killed at call ${call}`).toMatchObject({ sent: RECIPIENTS, pending: 0, failed: 0, inDoubt: 0 });
    }
    expect(wentBack).toBeGreaterThan(150);
  });
});
