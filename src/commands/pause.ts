import { campaignName } from '../core/checkpoint.ts';
import type { Milliseconds } from '../core/units.ts';
import { EXIT, InfrastructureError } from '../errors.ts';
import { readCampaignId } from '../runs/arguments.ts';
import { campaignOf } from '../runs/campaign-of.ts';
import { adjust } from '../runs/under-lease.ts';
import type { World } from '../world.ts';

/** A run notices within a heartbeat, and then waits for the calls in flight. */
const LONGEST_WAIT: Milliseconds = 60_000;
/** Between two looks at whether it has stopped. */
const LOOK_EVERY: Milliseconds = 250;

/** `wsend pause <id>`: asks the run that holds the campaign to stop, wherever it runs, and waits until it has. One that was interrupted is paused, too. */
export async function pause(world: World, { id: typed }: { id: string }): Promise<number> {
  const id = readCampaignId(typed);
  const { campaigns } = await world.data();
  await campaignOf(campaigns, id);
  const next = world.nextStep(`wsend resume ${id}`);
  const said = (text: string) => world.show.result({ type: 'pause', campaign: id, running: false }, `${text}\n`);
  if (await stopsRunning(world, id)) said(`Campaign ${id} is paused. Next: ${next}`);
  else if ((await campaignOf(campaigns, id)).status === 'sending' && (await markPaused(world, id)))
    said(`Campaign ${id} was not running; it is paused now, also for wsend resume --all. Next: ${next}`);
  else said(`Campaign ${id} is not running.`);
  return EXIT.done;
}

/** True once a run that was there has stopped as asked, with recipients left; false when there is none, or it ended otherwise. */
async function stopsRunning(world: World, id: number): Promise<boolean> {
  const { view, clock } = world;
  const processes = await world.processes();
  const leases = await world.leases();
  const begin = clock.now();
  let asked = false;
  for (;;) {
    const { owner, header } = await view(id);
    if (owner === null) return asked && (header === null ? hasPending(world, id) : header.paused?.reason === 'pause');
    if (processes.fate(owner) === 'over') return false;
    asked = (await leases.ask(campaignName(id, 'message_1'), 'pause')) || asked;
    if (clock.now() - begin > LONGEST_WAIT) {
      const what = `the run of campaign ${id} was asked to pause and has not stopped yet`;
      throw new InfrastructureError(what, `Look again with ${world.nextStep(`wsend status ${id}`)}.`);
    }
    await clock.sleep(clock.now() + LOOK_EVERY);
  }
}

/** Where its checkpoint is not here, what is left to be sent tells whether it stopped before its end. */
async function hasPending(world: World, id: number): Promise<boolean> {
  const { campaigns } = await world.data();
  return (await campaigns.tally(id)).pending > 0;
}

/** Notes the pause where no run is; false where there is nothing to go on with, or a run has just begun. */
async function markPaused(world: World, id: number): Promise<boolean> {
  const { header } = await world.view(id);
  if (header === null || header.finished || header.paused?.reason === 'pause') return false;
  const paused = { reason: 'pause', detail: 'asked for by wsend pause', at: world.clock.now() };
  return adjust(world, { campaign: id }, ({ header }) => [{ type: 'header', header: { ...header, paused } }]);
}
