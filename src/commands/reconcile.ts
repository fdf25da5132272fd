import { EXIT, UsageError } from '../errors.ts';
import type { Options } from '../options.ts';
import { readCampaignId } from '../runs/arguments.ts';
import { campaignOf } from '../runs/campaign-of.ts';
import { checkConfig } from '../runs/check-config.ts';
import { runStream } from '../runs/run-stream.ts';
import type { World } from '../world.ts';

export type ReconcileOptions = Pick<Options, 'json' | 'yes' | 'assume'> & { id: string };

/**
 * `wsend reconcile <id>`: settles what is in doubt by asking the provider, and what that leaves in doubt by the operator's word where
 * `--assume` gives it; sends nothing, and leaves a pause as it is.
 */
export async function reconcile(world: World, options: ReconcileOptions): Promise<number> {
  const id = readCampaignId(options.id);
  const assume = readAssumption(options.assume);
  checkConfig(world, {});
  const campaign = await campaignOf((await world.data()).campaigns, id);
  const { header } = await world.view(id);
  if (header !== null || campaign.status === 'sending' || campaign.cancelledAt !== null)
    return runStream(world, id, options, { sending: false, assume });
  world.show.result({ type: 'reconcile', campaign: id, in_doubt: 0 }, `Campaign ${id} has not started: nothing is in doubt.\n`);
  return EXIT.done;
}

function readAssumption(word: string | undefined): 'sent' | 'absent' | undefined {
  if (word === undefined || word === 'sent' || word === 'absent') return word;
  throw new UsageError(
    `--assume is "${word}"; allowed: sent, absent`,
    'sent: they count as having received it. absent: they become pending, and resume sends them the message, perhaps for the second time.',
  );
}
