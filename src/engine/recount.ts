import { reviewed } from '../core/circuit-breaker.ts';
import { failedLater } from '../core/progress.ts';
import { formatCount, type Milliseconds, SECOND } from '../core/units.ts';
import { readPage } from './page.ts';
import type { Run } from './run.ts';

/** Counting all rows of a large campaign takes a while: it is done at most for a fiftieth of the time, and at most once a second. */
const SHARE = 50;
const AT_MOST_EVERY: Milliseconds = SECOND;

/**
 * Counts what failed at the provider after it was accepted: the listener wrote it into the database, and it counts into the error rate and the
 * circuit breaker like every other failure. Called before each batch.
 */
export async function recount(run: Run): Promise<void> {
  const begin = run.clock.now();
  const { at, pause } = run.account.recounted;
  if (begin >= at && begin < at + pause) return;
  await readPage(run, () =>
    run.outbox.whileNothingIsWritten(async () => {
      const tally = await run.campaigns.tally(run.campaign.id);
      const late = tally.failed + run.outbox.unwritten().unstoredFailed - run.account.progress.failed;
      if (late > 0) learnLate(run, late);
    }),
  );
  const end = run.clock.now();
  run.account.recounted = { at: end, pause: Math.max(AT_MOST_EVERY, SHARE * (end - begin)) };
}

function learnLate(run: Run, late: number): void {
  const { account, journal } = run;
  account.progress = failedLater(account.progress, late);
  account.breaker = reviewed(account.breaker, late);
  // What the checkpoint counts is what other programs read.
  void journal.write({ type: 'move', sent: -late, failed: late });
  const text = `${formatCount(late, 'message')} that Wassenger had accepted failed afterwards`;
  run.report.tell({ type: 'notice', level: 'warning', text });
}
