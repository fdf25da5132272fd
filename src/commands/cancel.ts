import { campaignName, keptOf } from '../core/checkpoint.ts';
import { formatCount } from '../core/units.ts';
import { EXIT, UsageError } from '../errors.ts';
import { readCampaignId } from '../runs/arguments.ts';
import { campaignOf } from '../runs/campaign-of.ts';
import { amend, takeLease } from '../runs/under-lease.ts';
import type { World } from '../world.ts';

/** What can be cancelled: what is not begun, and what is unfinished. */
const OPEN = new Set(['draft', 'sending']);

/**
 * `wsend cancel <id>`: ends a campaign for good that no run holds. Who was not sent to stays so, and nothing is ever sent for it again, Message 2
 * neither: the database says so, under both of its leases. If interrupted, the same command repeats it.
 */
export async function cancel(world: World, { id: typed }: { id: string }): Promise<number> {
  const id = readCampaignId(typed);
  const { campaigns } = await world.dataToWrite();
  await campaignOf(campaigns, id);
  const names = [campaignName(id, 'message_1'), campaignName(id, 'message_2')] as const;
  const owner = { ...(await world.processes()).self(), purpose: `the cancelling of campaign ${id}`, brief: true };
  const lease = await takeLease(world, { names: [...names], owner });
  try {
    const { status, cancelledAt } = await campaignOf(campaigns, id);
    if (cancelledAt === null) {
      if (!OPEN.has(status))
        throw new UsageError(
          `campaign ${id} is ${status}: there is nothing left to cancel`,
          'Only a draft or an unfinished campaign can be.',
        );
      await campaigns.cancel(id);
    }
    for (const name of names) {
      await amend(world, { lease, name, owner }, (checkpoint) => {
        const { claims, doubts } = keptOf(checkpoint);
        const finished = claims.length + doubts.length === 0;
        return checkpoint.header === null ? [] : [{ type: 'header', header: { ...checkpoint.header, paused: null, finished } }];
      });
    }
  } finally {
    await lease.release();
    (await world.processes()).end(owner);
  }
  return tell(world, id);
}

async function tell(world: World, id: number): Promise<number> {
  const { campaigns } = await world.data();
  const { beyond } = await world.view(id);
  const { pending, sent } = await campaigns.tally(id);
  const { cancelledAt } = await campaignOf(campaigns, id);
  const open = beyond.claims.length + beyond.doubts.length;
  const unsent = pending - open;
  const doubts = open > 0 ? ` ${formatCount(open, 'recipient')} may have got it. Next: ${world.nextStep(`wsend reconcile ${id}`)}` : '';
  const json = { type: 'cancel', campaign: id, cancelled_at: cancelledAt && new Date(cancelledAt).toISOString() };
  world.show.result(
    { ...json, sent, pending: unsent, in_doubt: open },
    `Campaign ${id} is cancelled: ${sent} sent, ${formatCount(unsent, 'recipient')} not sent to, and nothing more is sent for it.${doubts}\n`,
  );
  return EXIT.done;
}
