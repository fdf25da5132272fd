import { DUPLICATE } from '../core/person.ts';
import { withDuplicates } from '../core/progress.ts';
import { maySend } from '../loop/course.ts';
import type { PreparedMessage, Run } from '../loop/parts.ts';
import { prepareMessage } from '../loop/prepare-message.ts';
import { readPatiently } from '../loop/read-patiently.ts';
import type { Result } from '../ports/campaign-store.ts';

/** Rows that are written in one transaction. */
const AT_ONCE = 500;

/**
 * Fails the rows that would be a second message to one person, before the first send. They go to the database straight away: nothing of them was
 * or will be under way. Killed in the middle, the next run finds the rest by the same rule.
 */
export async function failDuplicates(run: Run, found: readonly number[]): Promise<void> {
  for (let start = 0; start < found.length && maySend(run); start += AT_ONCE) {
    await readPatiently(run, () => failSome(run, found.slice(start, start + AT_ONCE)));
  }
}

/** Who is in doubt is looked up when their turn comes, and who wants no messages is left out. */
async function failSome(run: Run, messages: number[]): Promise<void> {
  const { campaign, recipients, clock, account, journal, report } = run;
  const rows = (await recipients.stillPending(campaign.id, messages)).filter(({ marked, skipped }) => !marked && !skipped);
  const duplicates = rows
    .map((recipient) => prepareMessage(run, { recipient, attempts: recipient.attempts }))
    .filter(({ problem }) => problem?.code === DUPLICATE);
  const at = clock.now();
  await recipients.record(
    campaign.id,
    duplicates.map((message) => failed(message, at)),
  );
  account.progress = withDuplicates(account.progress, Math.min(duplicates.length, account.progress.pending));
  await journal.write({ type: 'move', sent: 0, failed: duplicates.length });
  for (const { attempted, problem } of duplicates)
    report.tell({ type: 'failed', ...attempted, code: DUPLICATE, reason: problem?.reason ?? '', progress: account.progress });
}

function failed({ claim, queued, problem }: PreparedMessage, at: number): Result {
  const done = { message: claim.message, at, attempts: queued.attempts, providerId: null };
  return { kind: 'failed', ...done, code: DUPLICATE, reason: problem?.reason ?? '' };
}
