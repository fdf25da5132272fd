import type { Campaign } from '../core/campaign.ts';
import { UsageError } from '../errors.ts';
import type { CampaignStore } from '../ports/campaign-store.ts';

/** The campaign with that number; a UsageError where there is none. */
export async function campaignOf(campaigns: CampaignStore, id: number): Promise<Campaign> {
  const found = await campaigns.find(id);
  if (found === undefined)
    throw new UsageError(
      `there is no campaign ${id} in the database`,
      'wsend status lists the campaigns; DATABASE_URL says which database it is.',
    );
  return found;
}

/** UsageError where the campaign was cancelled: nothing is sent for it any more. */
export function refuseCancelled({ id, cancelledAt }: Campaign): void {
  if (cancelledAt === null) return;
  throw new UsageError(
    `campaign ${id} was cancelled on ${new Date(cancelledAt).toISOString().slice(0, 10)}: nothing is sent for it any more`,
    'Make a new campaign for the recipients who were left.',
  );
}
