import { reviewed } from '../core/circuit-breaker.ts';
import { isOfLine } from '../core/line-condition.ts';
import { failedLater } from '../core/progress.ts';
import { formatCount, type Milliseconds, SECOND } from '../core/units.ts';
import { learnOfLine } from './account.ts';
import type { Run } from './parts.ts';
import { readPatiently } from './read-patiently.ts';
import { failedMeanwhile, settleDoubts } from './reported.ts';

/** Counting all rows of a large campaign takes a while: it is done at most for a fiftieth of the time, and at most once a second. */
const SHARE = 50;
const AT_MOST_EVERY: Milliseconds = SECOND;
/** Different error texts read to tell our line's failures from the recipients'. */
const FAILURES_READ = 200;

/**
 * Counts what failed at the provider after it was accepted: the listener wrote it into the database, and it counts into the error rate and the
 * circuit breaker like every other failure, unless it was our line's. Whom this run left in doubt may be settled there, too. Called before each batch.
 */
export async function countLateFailures(run: Run): Promise<void> {
  const begin = run.clock.now();
  const { at, pause } = run.account.recounted;
  if (begin >= at && begin < at + pause) return;
  await readPatiently(run, () =>
    run.outbox.whileNothingIsWritten(async () => {
      await settleDoubts(run);
      const counted = await failedMeanwhile(run);
      const tally = await run.campaigns.tally(run.campaign.id);
      const late = tally.failed + run.outbox.unwritten().unstoredFailed - run.account.progress.failed - counted;
      if (late > 0) learnLate(run, late, await failedOfLine(run));
    }),
  );
  const end = run.clock.now();
  run.account.recounted = { at: end, pause: Math.max(AT_MOST_EVERY, SHARE * (end - begin)) };
}

/** Failed rows whose error text says that our line was the cause, and the most frequent of these texts. */
export async function failedOfLine({ campaigns, campaign }: Pick<Run, 'campaigns' | 'campaign'>): Promise<{ count: number; what: string }> {
  const groups = (await campaigns.failures(campaign.id, FAILURES_READ)).filter(({ error }) => isOfLine(error));
  return { count: groups.reduce((sum, { count }) => sum + count, 0), what: groups[0]?.error ?? '' };
}

function learnLate(run: Run, late: number, ofLine: { count: number; what: string }): void {
  const { account, journal } = run;
  const ours = Math.min(late, Math.max(0, ofLine.count - account.failedOfLine));
  account.progress = failedLater(account.progress, late);
  account.breaker = reviewed(account.breaker, late - ours);
  if (ours > 0) learnOfLine(run, ours, ofLine.what);
  // What the checkpoint counts is what other programs read.
  void journal.write({ type: 'move', sent: -late, failed: late });
  const text = `${formatCount(late, 'message')} that ${run.line.provider.name} had accepted failed afterwards`;
  run.report.tell({ type: 'notice', level: 'warning', text });
}
