import { type Milliseconds, SECOND } from '../core/units.ts';
import type { Checkpoint, CheckpointStore, Clock, Owner, Processes } from '../ports.ts';

/** Between two tries. */
const ASK_AGAIN: Milliseconds = 200;
/** A run hears of the wish with its heartbeat, every 2 s, and lends the line when the claim it has just made is called: much longer means that it hangs. */
const PATIENCE: Milliseconds = 30 * SECOND;

/**
 * The locks for Message 2 of a campaign and for its line, once the run that holds the line has lent it; see lendLine. Null when another
 * listener is at this campaign's Message 2, or the line is not lent within 30 s.
 */
export async function borrowLine(
  { checkpoints, processes, clock }: { checkpoints: CheckpointStore; processes: Processes; clock: Clock },
  { campaign, line, owner }: { campaign: number; line: string; owner: Owner },
): Promise<Checkpoint | null> {
  const giveUpAt = clock.now() + PATIENCE;
  const dead: string[] = [];
  for (;;) {
    const answer = await checkpoints.acquire(campaign, line, owner, dead);
    if ('checkpoint' in answer) return answer.checkpoint;
    const { heldBy, what, type } = answer;
    if (!dead.includes(heldBy.token) && processes.fate(heldBy) === 'over') dead.push(heldBy.token);
    else if (what === 'campaign' || clock.now() >= giveUpAt) return null;
    else {
      if (type === 'message_1') await checkpoints.wantLine(line, owner);
      await clock.sleep(clock.now() + ASK_AGAIN);
    }
  }
}
