import { formatCount } from '../core/units.ts';
import { readCampaignId } from '../runs/arguments.ts';
import { checkConfig } from '../runs/check-config.ts';
import { dryRunCampaign } from '../runs/dry-run.ts';
import { runStream, type SendingOptions } from '../runs/run-stream.ts';
import type { World } from '../world.ts';

export type RetryOptions = Omit<SendingOptions, 'skipInvalid' | 'skipRecent'> & { id: string };

/** `wsend retry <id>`: failed recipients become pending and are sent again, with new attempts; other pending ones are left to `resume`. */
export async function retry(world: World, options: RetryOptions): Promise<number> {
  const id = readCampaignId(options.id);
  checkConfig(world, options);
  if (options.dryRun) return dryRunCampaign(world, id, options, { failed: true });
  const { recipients } = await world.data();
  return runStream(world, id, options, {
    retry: async (report, except) => {
      const retried = await recipients.retryFailed(id, except);
      report.tell({ type: 'notice', level: 'info', text: `${formatCount(retried.length, 'failed recipient')} will be tried again` });
      const text = `${formatCount(except.size, 'failed recipient')} left alone: another message of the campaign is for the same person`;
      if (except.size > 0) report.tell({ type: 'notice', level: 'info', text });
      return retried;
    },
  });
}
