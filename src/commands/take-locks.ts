import type { MessageType } from '../core/campaign.ts';
import { formatDuration, MINUTE, type Milliseconds } from '../core/units.ts';
import { HeldElsewhere } from '../errors.ts';
import { type Checkpoint, LOCK_LIFE, type Owner } from '../ports.ts';
import type { World } from '../world.ts';

/** Locks of dead processes that may stand in the way: the campaign's and the line's. */
const MOST_DEAD = 2;

/** A listener holds the line only while it sends a few Message 2: so long it is waited for. */
const MESSAGE_2_PATIENCE: Milliseconds = MINUTE;
/** Between two looks at it. */
const ASK_AGAIN: Milliseconds = 200;

const LETS_GO = `a run that died without a trace lets go after ${formatDuration(LOCK_LIFE)}`;

/**
 * The campaign's checkpoint, under its lock and its line's. A lock whose process is surely over is taken over at once; one that is held
 * otherwise is a HeldElsewhere that says by whom.
 */
export async function takeLocks(
  world: World,
  { campaign, type, line, owner }: { campaign: number; type?: MessageType; line: string; owner: Owner },
): Promise<Checkpoint> {
  const checkpoints = await world.checkpoints(type);
  const processes = await world.processes();
  const dead: string[] = [];
  const giveUpAt = world.clock.now() + MESSAGE_2_PATIENCE;
  for (;;) {
    const answer = await checkpoints.acquire(campaign, line, owner, dead);
    if ('checkpoint' in answer) return answer.checkpoint;
    const { heldBy, what } = answer;
    if (dead.length < MOST_DEAD && processes.fate(heldBy) === 'over') dead.push(heldBy.token);
    else if (what === 'line' && answer.type === 'message_2' && world.clock.now() < giveUpAt)
      await world.clock.sleep(world.clock.now() + ASK_AGAIN);
    else throw held(campaign, answer.campaign, what, heldBy);
  }
}

function held(campaign: number, theirs: number, what: 'campaign' | 'line', { host, pid, startedAt }: Owner): HeldElsewhere {
  const who = `process ${pid} on ${host}, begun ${new Date(startedAt).toISOString()}`;
  if (what === 'campaign') {
    return new HeldElsewhere(`campaign ${campaign} is held by another run (${who})`, `Stop it with wsend pause ${campaign}; ${LETS_GO}.`);
  }
  return new HeldElsewhere(`the line is held by the run of campaign ${theirs} (${who})`, `Wait until it is done, or pause it; ${LETS_GO}.`);
}
