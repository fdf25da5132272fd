import { breakRun, inBackground, maySend } from '../loop/course.ts';
import { settleByLookUp } from '../loop/doubt.ts';
import type { Run } from '../loop/parts.ts';
import { prepareMessage } from '../loop/prepare-message.ts';
import { readPatiently } from '../loop/read-patiently.ts';
import { type Assumption, assumeInDoubt } from './assume.ts';

/**
 * Settles what earlier runs left open and sends nothing: waits for the look-ups under way, and looks up every row that carries a note of ours.
 * `assume` settles what stays in doubt, unless the run was stopped before everything was looked up.
 */
export async function settleMarked(run: Run, assume?: Assumption): Promise<void> {
  try {
    for (;;) {
      const now = run.clock.now();
      const next = run.queue.peek(now);
      if (!maySend(run) || next === 'empty' || typeof next === 'object') break;
      if (next === 'unread') await readPatiently(run, () => run.queue.read());
      else if (run.lookUps.underWay >= LOOK_UPS_AT_ONCE) await run.line.bell.wait(run.clock);
      else {
        const queued = run.queue.take(now);
        if (queued.recipient.marked) inBackground(run, settleByLookUp(run, prepareMessage(run, queued), null));
      }
    }
  } catch (cause) {
    breakRun(run, cause);
  }
  const { underWay } = run.course;
  while (underWay.size > 0) await Promise.race(underWay);
  if (assume !== undefined && maySend(run)) await assumeInDoubt(run, assume).catch((cause) => breakRun(run, cause));
}

/** Look-ups in flight at once. */
const LOOK_UPS_AT_ONCE = 16;
