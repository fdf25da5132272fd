import type { EpochMs, Milliseconds } from '../core/units.ts';
import { DatabaseUnreachable } from '../errors.ts';
import { maySend } from './course.ts';
import { DATABASE_PATIENCE } from './outbox.ts';
import type { Run } from './parts.ts';
import { unlessStopping } from './stop-deadline.ts';

/** Between two tries to read. */
const TRY_AGAIN_AFTER: Milliseconds = 1_000;

/** Reads recipients. While the database does not answer no new recipient is sent to; once patience is over it rejects. False when the run stops before. */
export async function readPatiently(run: Run, read: () => Promise<unknown>): Promise<boolean> {
  let failingSince: EpochMs | null = null;
  while (maySend(run)) {
    const now = run.clock.now();
    try {
      const answer = await unlessStopping(run, read());
      if (failingSince !== null) run.report.tell({ type: 'go_on', campaign: run.campaign.id });
      return answer !== false;
    } catch (error) {
      if (!(error instanceof DatabaseUnreachable)) throw error;
      if (!maySend(run)) return false;
      if (failingSince === null) {
        const until = now + DATABASE_PATIENCE;
        run.report.tell({ type: 'rest', campaign: run.campaign.id, reason: 'database', until, detail: error.message });
      }
      failingSince ??= now;
      if (now - failingSince >= DATABASE_PATIENCE) throw error;
      await run.line.bell.wait(run.clock, now + TRY_AGAIN_AFTER);
    }
  }
  return false;
}
