import { BEFORE_ALL } from '../core/campaign.ts';
import { eta } from '../core/estimate.ts';
import { maskPhone, toE164 } from '../core/phone.ts';
import { formatCount, formatDuration } from '../core/units.ts';
import { EXIT } from '../errors.ts';
import { settingsOf } from '../flags.ts';
import type { World } from '../world.ts';
import { campaignOf, refuseCancelled } from './campaign-of.ts';
import type { SendingOptions } from './conduct.ts';
import { plannedFor } from './planned.ts';

/** Recipients whose text is shown. */
const SAMPLE = 3;
/** Rows among which they are found: some are left out. */
const LOOKED_AT = 50;

/**
 * `--dry-run` of a campaign in the database: what would be sent, to how many, for how long. `failed`: to those who had failed, as `retry` does,
 * and not to the pending. Writes nothing and takes no lock.
 */
export async function dryRunCampaign(
  world: World,
  id: number,
  options: SendingOptions,
  { failed = false }: { failed?: boolean } = {},
): Promise<number> {
  const { campaigns, recipients } = await world.data();
  refuseCancelled(await campaignOf(campaigns, id));
  const view = await world.view(id);
  const { header, lastMessage, unstored } = view;
  const { pace } = world.config(world.purpose, { ...header?.settings, ...settingsOf(options) }).policy;
  const { total, count: pending, duplicates, twice } = await plannedFor(world, id, view, { failed });
  const etaMs = eta(pending, pace);
  // What only the checkpoint knows to be sent comes before its last row.
  const after = unstored.sent + unstored.failed > 0 && lastMessage !== null ? lastMessage : BEFORE_ALL;
  const first = failed ? [] : await recipients.pending(id, after, LOOKED_AT);
  const sample = first.filter(({ message }) => !twice.has(message)).slice(0, SAMPLE);
  const texts = sample.map(({ phone, content }) => `  ${maskPhone(toE164(phone) ?? phone)}: ${content}\n`).join('');
  const json = { type: 'dry_run', campaign: id, total, pending, duplicates, eta_seconds: etaMs / 1_000 };
  world.show.result(
    json,
    `Nothing was sent. ${formatCount(pending, 'recipient')} would take ${formatDuration(etaMs)}.${leftOut(duplicates)}${texts && ` The first texts:\n${texts}`}\n`,
  );
  return EXIT.done;
}

function leftOut(duplicates: number): string {
  return duplicates === 0 ? '' : ` ${formatCount(duplicates, 'duplicate')} left out: the same person again.`;
}
