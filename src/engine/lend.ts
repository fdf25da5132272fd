import { afterLending } from '../core/pacing.ts';
import type { Milliseconds } from '../core/units.ts';
import { CheckpointUnreachable } from '../errors.ts';
import { maySend, type Run } from './run.ts';

/** Between two looks at a line that is lent. */
const LOOK_AGAIN: Milliseconds = 200;

/**
 * Lends the line to who has a Message 2 for it, and resolves once it is ours again (or the run must stop), with its pace as it is then. The
 * campaign's lock and its outcomes go on meanwhile; calls in flight end. A claim whose call has not begun is waited for: the line is not ours
 * to call on afterwards, and its last start is written down.
 */
export async function lendLine(run: Run): Promise<void> {
  run.lineWanted = false;
  while (run.unwritten > 0 && run.broken === null) await run.bell.wait(run.clock, run.clock.now() + LOOK_AGAIN);
  await run.journal.keepPace(run.pacing);
  await unlessUnreachable(run.checkpoint.lendLine());
  const until = run.clock.now() + run.pace.delayMs;
  run.report.tell({ type: 'rest', campaign: run.campaign.id, reason: 'message_2', until, detail: 'the line is lent for it' });

  const dead: string[] = [];
  while (maySend(run)) {
    await run.bell.wait(run.clock, run.clock.now() + LOOK_AGAIN);
    const answer = await unlessUnreachable(run.checkpoint.takeLine(dead));
    if (answer !== null && 'pacing' in answer) {
      run.pacing = afterLending(run.pacing, answer.pacing);
      break;
    }
    if (answer?.heldBy && run.processes.fate(answer.heldBy) === 'over') dead.push(answer.heldBy.token);
  }
  run.report.tell({ type: 'go_on', campaign: run.campaign.id });
}

/** While the checkpoint cannot be reached the heartbeat keeps trying, and ends the run when its patience is over. */
async function unlessUnreachable<T>(call: Promise<T>): Promise<T | null> {
  return call.catch((error) => {
    if (error instanceof CheckpointUnreachable) return null;
    throw error;
  });
}
