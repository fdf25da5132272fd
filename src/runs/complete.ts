import { earnedStatus } from '../core/campaign.ts';
import { progressOf } from '../core/progress.ts';
import type { World } from '../world.ts';
import { adjust } from './under-lease.ts';

/**
 * Completes the campaigns whose replies are over: all Message 1 are settled, and everyone has had Message 2 or 24 h without a reply. One that
 * a run holds is left to it. Returns those that were completed.
 */
export async function completeCampaigns(world: World, only?: number): Promise<number[]> {
  const { campaigns, replies } = await world.data();
  const waiting = only === undefined ? await replies.waiting() : (await replies.waiting()).filter((id) => id === only);
  const completed: number[] = [];
  for (const id of waiting) {
    const tally = await campaigns.tally(id);
    const { header, owner } = await world.view(id);
    if (tally.total === 0 || tally.pending > 0 || owner !== null) continue;
    if (await campaigns.awaitsReplies(id, world.clock.now())) continue;
    // If interrupted here, the next call repeats it: the campaign is still waiting. A run that has begun meanwhile keeps it.
    const finish = () => adjust(world, { campaign: id }, ({ header }) => [{ type: 'header', header: { ...header, finished: true } }]);
    if (header !== null && !(await finish())) continue;
    const earned = earnedStatus(progressOf(tally, { inDoubt: 0, unstoredSent: 0, unstoredFailed: 0 }), false);
    if (await campaigns.complete(id, earned)) completed.push(id);
  }
  return completed;
}
