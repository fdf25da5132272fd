import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beyondOf, isConsistent, type Progress, progressOf, type Standing, updateProgress } from '../../src/core/progress.ts';

const STANDINGS: Standing[] = ['pending', 'sent', 'failed', 'inDoubt', 'skipped'];

describe('progress', () => {
  it('Property 8, progress tracking consistency: in every state in between, the parts make up the whole', () => {
    const moves = fc.array(fc.tuple(fc.constantFrom(...STANDINGS), fc.constantFrom(...STANDINGS)), { maxLength: 300 });
    fc.assert(
      fc.property(fc.nat(100), moves, (total, steps) => {
        let progress: Progress = { total, pending: total, sent: 0, failed: 0, inDoubt: 0, skipped: 0 };
        for (const [from, to] of steps) {
          const possible = from === to || progress[from] > 0;
          if (possible) progress = updateProgress(progress, from, to);
          else expect(() => updateProgress(progress, from, to)).toThrow();
          expect(isConsistent(progress)).toBe(true);
        }
      }),
    );
  });

  it.each([
    ['only the checkpoint has them', { sent: 34, failed: 2 }, { sent: 39, failed: 4 }],
    ['the database has some of them', { sent: 37, failed: 3 }, { sent: 39, failed: 4 }],
    [
      'the database has them all, and the run was killed before the checkpoint forgot them',
      { sent: 39, failed: 4 },
      { sent: 39, failed: 4 },
    ],
  ])('counts outcomes that the checkpoint holds once: %s', (_what, written, counted) => {
    const tally = { total: 146, pending: 146 - written.sent - written.failed, skipped: 0, ...written };
    const progress = progressOf(tally, beyondOf(tally, { ...counted, inDoubt: 1, unstored: { sent: 5, failed: 2 } }));
    expect(progress).toMatchObject({ sent: 39, failed: 4, inDoubt: 1, pending: 102 });
  });

  it('adds up although database and checkpoint are read at different moments', () => {
    fc.assert(
      fc.property(
        fc.nat(50),
        fc.nat(50),
        fc.nat(50),
        fc.nat(60),
        fc.nat(60),
        fc.nat(60),
        fc.nat(5),
        (pending, sent, failed, inDoubt, unstoredSent, unstoredFailed, odd) => {
          const tally = { total: pending + sent + failed + odd, pending, sent, failed };
          expect(isConsistent(progressOf(tally, { inDoubt, unstoredSent, unstoredFailed }))).toBe(true);
        },
      ),
    );
  });
});
