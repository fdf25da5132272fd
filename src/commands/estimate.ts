import { eta } from '../core/eta.ts';
import { EXIT, UsageError } from '../errors.ts';
import type { Options } from '../options.ts';
import { readCampaignId, readCount } from '../runs/arguments.ts';
import { campaignOf } from '../runs/campaign-of.ts';
import { checkAll } from '../runs/check-config.ts';
import { plannedFor } from '../runs/planned.ts';
import type { CheckpointView } from '../runs/view.ts';
import type { World } from '../world.ts';

export type EstimateOptions = Pick<Options, 'count' | 'campaign' | 'csv' | 'country' | 'phoneColumn'>;

/** `wsend estimate`: how long a number of recipients, a campaign or a file takes at the configured pace. */
export async function estimate(world: World, options: EstimateOptions): Promise<number> {
  const { count, header = null, ...others } = await countOf(world, options);
  const { pace } = world.config('look', header?.settings).policy;
  const etaMs = eta(count, pace);
  await world.show.estimate({ count, ...others, pace, etaMs, endsAt: world.clock.now() + etaMs });
  return EXIT.done;
}

/** How many are to be sent to; of a file and of a campaign, how many are there twice; of a campaign, what its checkpoint says of its settings. */
interface Counted {
  count: number;
  duplicates?: number;
  header?: CheckpointView['header'];
}

async function countOf(world: World, { count, campaign, csv, country, phoneColumn }: EstimateOptions): Promise<Counted> {
  if ([count, campaign, csv].filter((given) => given !== undefined).length !== 1) {
    throw new UsageError(
      'exactly one of --count <n>, --campaign <id> and --csv <file> is needed',
      'For example: wsend estimate --count 1000',
    );
  }
  if (country !== undefined && csv === undefined) throw new UsageError('--country works only with --csv', 'Leave it out.');
  if (phoneColumn !== undefined && csv === undefined) throw new UsageError('--phone-column works only with --csv', 'Leave it out.');
  if (count !== undefined) {
    const read = () => readCount(count, '--count');
    checkAll(() => world.config('look'), read);
    return { count: read() };
  }
  if (csv !== undefined) {
    const { counts } = await world.people({ path: csv, country, phoneColumn, message1: null, message2: null, writeRejected: false });
    return { count: counts.accepted, duplicates: counts.duplicates };
  }
  const { id } = await campaignOf((await world.data()).campaigns, readCampaignId(campaign as string));
  const view = await world.view(id);
  const planned = await plannedFor(world, id, view);
  return { count: planned.count, duplicates: planned.duplicates, header: view.header };
}
