import type { Campaign } from '../core/campaign.ts';
import type { CampaignState } from '../core/campaign-state.ts';
import { timeLeft } from '../core/eta.ts';
import { UNPACED } from '../core/pacing.ts';
import { beyondOf, progressOf } from '../core/progress.ts';
import { EXIT } from '../errors.ts';
import type { Tally } from '../ports/campaign-store.ts';
import { readCampaignId } from '../runs/arguments.ts';
import { campaignOf } from '../runs/campaign-of.ts';
import { completeCampaigns } from '../runs/complete.ts';
import { groupByCode } from '../runs/finish.ts';
import { nextCommand } from '../runs/run-summary.ts';
import type { World } from '../world.ts';

/** Different error texts read for the failures of one campaign. */
const FAILURES_READ = 200;

/** `wsend status`: all campaigns, or one in detail. A campaign whose replies are over is completed in passing. */
export async function status(world: World, { id }: { id: string | undefined }): Promise<number> {
  const { campaigns } = await world.data();
  if (id === undefined) {
    await completeInPassing(world);
    const states = [];
    for (const { tally, ...campaign } of await campaigns.list()) states.push(await stateOf(world, campaign, tally));
    await world.show.states(states);
    return EXIT.done;
  }
  await completeInPassing(world, readCampaignId(id));
  const campaign = await campaignOf(campaigns, readCampaignId(id));
  const replies = await (await world.data()).replies.counts(campaign.id, world.clock.now());
  const state = await stateOf(world, campaign, await campaigns.tally(campaign.id));
  await world.show.state({ ...state, replies, failures: groupByCode(await campaigns.failures(campaign.id, FAILURES_READ)) });
  return EXIT.done;
}

/** A user who may only read sees the campaigns all the same. */
async function completeInPassing(world: World, id?: number): Promise<void> {
  await completeCampaigns(world, id).catch(() => []);
}

async function stateOf(world: World, campaign: Campaign, tally: Tally): Promise<CampaignState> {
  const view = await world.view(campaign.id);
  const progress = progressOf(tally, beyondOf(tally, view));
  const { pace } = world.config('sandbox', view.header?.settings).policy;
  const now = world.clock.now();
  const isRunning = view.owner !== null;
  const etaMs = progress.pending === 0 || campaign.cancelledAt !== null ? null : timeLeft(progress.pending, pace, UNPACED, now);
  return {
    campaign,
    progress,
    paused: isRunning ? null : (view.header?.paused ?? null),
    owner: view.owner,
    sandbox: world.sandbox,
    replies: null,
    failures: [],
    etaMs,
    endsAt: etaMs === null || !isRunning ? null : now + etaMs,
    updatedAt: campaign.updatedAt,
    lastMessage: view.lastMessage,
    next: isRunning
      ? null
      : campaign.status === 'draft' && campaign.cancelledAt === null && tally.total === 0
        ? world.nextStep(`wsend run --campaign ${campaign.id}`)
        : next(world, nextCommand(campaign, progress)),
  };
}

function next(world: World, command: string | null): string | null {
  return command === null ? null : world.nextStep(command);
}
