import type { Milliseconds } from '../core/units.ts';
import { EXIT, InfrastructureError } from '../errors.ts';
import type { World } from '../world.ts';
import { readCampaignId } from './arguments.ts';
import { campaignOf } from './campaign-of.ts';

/** A run notices within a heartbeat, and then waits for the calls in flight. */
const LONGEST_WAIT: Milliseconds = 60_000;
const LOOK_EVERY: Milliseconds = 250;

/**
 * `wsend pause <id>`: asks the run that holds the campaign to stop, and waits until it has: through the checkpoint, or through the database
 * where its checkpoint is elsewhere. One that was interrupted is paused, too.
 */
export async function pause(world: World, { id: typed }: { id: string }): Promise<number> {
  const id = readCampaignId(typed);
  const { campaigns } = await world.data();
  await campaignOf(campaigns, id);
  const said = (text: string) => world.show.result({ type: 'pause', campaign: id, running: false }, `${text}\n`);
  if (await stopsRunning(world, id)) {
    said(`Campaign ${id} is paused. Next: wsend resume ${id}`);
  } else if (await stopsElsewhere(world, id)) {
    said(`Campaign ${id} is paused. Next, where it ran: wsend resume ${id}`);
  } else if ((await campaignOf(campaigns, id)).status === 'sending' && (await markPaused(world, id))) {
    said(`Campaign ${id} was not running; it is paused now, also for wsend resume --all. Next: wsend resume ${id}`);
  } else {
    said(`Campaign ${id} is not running.`);
  }
  return EXIT.done;
}

/** True once a run that was there has stopped as asked; false when there is none, or it ended otherwise. */
async function stopsRunning({ checkpoints, view, processes, clock }: World, id: number): Promise<boolean> {
  const { fate } = await processes();
  const begin = clock.now();
  let asked = false;
  for (;;) {
    const { owner, header } = await view(id);
    if (owner === null) return asked && header?.paused?.reason === 'pause';
    if (fate(owner) === 'over') return false;
    asked ||= await (await checkpoints()).requestPause(id);
    if (clock.now() - begin > LONGEST_WAIT) throw notYet(id);
    await clock.sleep(clock.now() + LOOK_EVERY);
  }
}

/** The same for one that only the database knows of: true once it has stopped, with recipients left. */
async function stopsElsewhere(world: World, id: number): Promise<boolean> {
  const runs = await world.runsElsewhere();
  if ((await runs.holderOf(id, 'message_1')) === null) return false;
  const { clock } = world;
  const begin = clock.now();
  await runs.askingToPause(id, async () => {
    while ((await runs.holderOf(id, 'message_1')) !== null) {
      if (clock.now() - begin > LONGEST_WAIT) throw notYet(id);
      await clock.sleep(clock.now() + LOOK_EVERY);
    }
  });
  const { campaigns } = await world.data();
  return (await campaignOf(campaigns, id)).status === 'sending' && (await campaigns.tally(id)).pending > 0;
}

function notYet(id: number): InfrastructureError {
  return new InfrastructureError(
    `the run of campaign ${id} was asked to pause and has not stopped yet`,
    `Look again with wsend status ${id}.`,
  );
}

/** Notes the pause where no run is; false where there is nothing to go on with, or a run has just begun. */
async function markPaused(world: World, id: number): Promise<boolean> {
  const { header, owner } = await world.view(id);
  if (header === null || header.finished || header.paused?.reason === 'pause') return false;
  const paused = { reason: 'pause', detail: 'asked for by wsend pause', at: world.clock.now() };
  return (await world.checkpoints()).revise(id, (kept) => ({ ...kept, paused }), owner === null ? [] : [owner.token]);
}
