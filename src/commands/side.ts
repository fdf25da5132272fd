import type { Campaign } from '../core/campaign.ts';
import { identityOf } from '../engine/recover.ts';
import { UsageError } from '../errors.ts';
import type { CheckpointHeader } from '../ports.ts';
import type { Data } from '../world/data.ts';

/** Where a campaign is sent. */
export interface Side {
  sandbox: boolean;
  /** The database says already that it is a rehearsal. */
  marked: boolean;
}

/**
 * Whether the campaign is sent in the sandbox. It never changes sides: one begun there goes on there without being told, even when its
 * checkpoint is lost or elsewhere, and one begun for real cannot be marked as sent by a rehearsal.
 */
export async function sideOf(
  { campaigns, sandboxMarks }: Data,
  { campaign, header, asked }: { campaign: Campaign; header: CheckpointHeader | null; asked: boolean },
): Promise<Side> {
  if (await sandboxMarks.has(campaign.id)) return { sandbox: true, marked: true };
  const begun = header !== null && header.identity === identityOf(campaign) ? header : null;
  if (!asked) return { sandbox: begun?.sandbox === true, marked: false };
  const forReal = begun === null ? (await campaigns.tally(campaign.id)).sent > 0 : !begun.sandbox;
  if (forReal) {
    throw new UsageError(
      `campaign ${campaign.id} was begun on the real line; it cannot go on in the sandbox`,
      `Leave --sandbox out: wsend resume ${campaign.id}`,
    );
  }
  return { sandbox: true, marked: false };
}
