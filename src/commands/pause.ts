import type { Milliseconds } from '../core/units.ts';
import { EXIT, InfrastructureError } from '../errors.ts';
import type { World } from '../world.ts';
import { readCampaignId } from './arguments.ts';
import { campaignOf } from './campaign-of.ts';

/** A run notices within a heartbeat, and then waits for the calls in flight. */
const LONGEST_WAIT: Milliseconds = 60_000;
const LOOK_EVERY: Milliseconds = 250;

/** `wsend pause <id>`: asks the run that holds the campaign to stop, and waits until it has. */
export async function pause(world: World, { id: typed }: { id: string }): Promise<number> {
  const id = readCampaignId(typed);
  await campaignOf((await world.data()).campaigns, id);
  const checkpoints = await world.checkpoints();
  if (!(await checkpoints.requestPause(id))) {
    world.show.result({ type: 'pause', campaign: id, running: false }, `Campaign ${id} is not running.\n`);
    return EXIT.done;
  }
  const begin = world.clock.now();
  while ((await checkpoints.view(id)).owner !== null) {
    if (world.clock.now() - begin > LONGEST_WAIT) {
      throw new InfrastructureError(
        `the run of campaign ${id} was asked to pause and has not stopped yet`,
        `Look again with wsend status ${id}.`,
      );
    }
    await world.clock.sleep(world.clock.now() + LOOK_EVERY);
  }
  world.show.result({ type: 'pause', campaign: id, running: false }, `Campaign ${id} is paused. Next: wsend resume ${id}\n`);
  return EXIT.done;
}
