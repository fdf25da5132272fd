import { eta } from '../core/estimate.ts';
import { EXIT, UsageError } from '../errors.ts';
import type { World } from '../world.ts';
import { readCampaignId, readCount } from './arguments.ts';
import { campaignOf } from './campaign-of.ts';
import { checkAll } from './check-config.ts';

export interface EstimateOptions {
  count?: string;
  campaign?: string;
  csv?: string;
  country?: string;
  phoneColumn?: string;
}

/** `wsend estimate`: how long a number of recipients, a campaign or a file takes at the configured pace. */
export async function estimate(world: World, options: EstimateOptions): Promise<number> {
  const count = await countOf(world, options);
  const header = options.campaign === undefined ? null : (await world.view(readCampaignId(options.campaign))).header;
  const { pace } = world.config('look', header?.settings).policy;
  const etaMs = eta(count, pace);
  await world.show.estimate({ count, pace, etaMs, endsAt: world.clock.now() + etaMs });
  return EXIT.done;
}

async function countOf(world: World, { count, campaign, csv, country, phoneColumn }: EstimateOptions): Promise<number> {
  if ([count, campaign, csv].filter((given) => given !== undefined).length !== 1) {
    throw new UsageError(
      'exactly one of --count <n>, --campaign <id> and --csv <file> is needed',
      'For example: wsend estimate --count 1000',
    );
  }
  if (country !== undefined && csv === undefined) throw new UsageError('--country goes with --csv alone', 'Leave it out.');
  if (phoneColumn !== undefined && csv === undefined) throw new UsageError('--phone-column goes with --csv alone', 'Leave it out.');
  if (count !== undefined) {
    const read = () => readCount(count, '--count');
    checkAll(() => world.config('look'), read);
    return read();
  }
  if (csv !== undefined)
    return (await world.people({ path: csv, country, phoneColumn, message1: null, message2: null, writeRejected: false })).counts.accepted;
  const { campaigns, recipients } = await world.data();
  const found = await campaignOf(campaigns, readCampaignId(campaign as string));
  const tally = await campaigns.tally(found.id);
  return tally.total > 0 ? tally.pending : recipients.preparable(found.id);
}
