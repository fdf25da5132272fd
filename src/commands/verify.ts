import type { MessageType } from '../core/campaign.ts';
import { maskPhone } from '../core/phone.ts';
import { formatCount, formatDuration, type Milliseconds, SECOND } from '../core/units.ts';
import { EXIT, HeldElsewhere, UsageError } from '../errors.ts';
import type { Options } from '../options.ts';
import { readCampaignId } from '../runs/arguments.ts';
import { campaignOf } from '../runs/campaign-of.ts';
import { checkConfig } from '../runs/check-config.ts';
import { SETTINGS } from '../settings.ts';
import type { Discrepancy } from '../verify/compare-row.ts';
import { type VerifyCounts, type VerifyParts, verifyCampaign } from '../verify/verify-campaign.ts';
import type { World } from '../world.ts';

type Beyond = VerifyParts['beyond'];

export type VerifyOptions = Pick<Options, 'rate'> & { id: string };

/** How often a terminal shows how far it is. */
const TELL_EVERY: Milliseconds = SECOND / 4;

/** `wsend verify <id>`: compares our ledger with what the provider lists. Changes nothing; 0 only when they match, 3 when they differ, 1 when it could not be checked. */
export async function verify(world: World, options: VerifyOptions): Promise<number> {
  const id = readCampaignId(options.id);
  const rate = readRate(options.rate);
  checkConfig(world, {});
  const data = await world.data();
  const campaign = await campaignOf(data.campaigns, id);
  const { header } = await world.view(id);
  const config = world.config(world.purpose, header?.settings);
  await refuseWhileRunning(world, id);

  const { name, list, lookUpsPerSecond } = await world.provider(config);
  if (list === null)
    throw new UsageError(
      `${name} cannot be asked which messages it has: there is nothing to compare campaign ${id} with`,
      `${world.nextStep(`wsend report ${id}`)} shows what is recorded of each recipient.`,
    );

  const total = (await data.campaigns.tally(id)).total + (await data.message2([]).campaigns.tally(id)).total;
  world.show.progress(`Asking the provider about ${formatCount(total, 'message')} …`);
  const counts = await verifyCampaign({
    campaign,
    ledger: await world.ledger(),
    list,
    clock: world.clock,
    beyond: both(await beyondDatabase(world, id, 'message_1'), await beyondDatabase(world, id, 'message_2')),
    perSecond: rate ?? lookUpsPerSecond,
    lookupMs: config.policy.lookupMs,
    onDiscrepancy: (discrepancy) => tellDiscrepancy(world, id, discrepancy),
    onProgress: progressTeller(world, total),
  }).finally(() => world.show.progress(null));
  await refuseWhileRunning(world, id);

  const match = counts.total === counts.matching;
  world.show.result({ type: 'verify', campaign: id, match, ...counts, sandbox: world.sandbox }, resultText(id, counts));
  if (match) return EXIT.done;
  return counts.missing + counts.extra > 0 ? EXIT.someFailed : EXIT.bug;
}

/** What is sent while it is compared would show as extra. */
async function refuseWhileRunning(world: World, id: number): Promise<void> {
  for (const type of ['message_1', 'message_2'] as const) {
    const { owner } = await world.view(id, type);
    if (owner === null || (await world.processes()).fate(owner) === 'over') continue;
    throw new HeldElsewhere(
      `campaign ${id} is being sent (process ${owner.pid} on ${owner.host}); verify it when that run is over`,
      type === 'message_1'
        ? `Wait until it is done, or stop it with ${world.nextStep(`wsend pause ${id}`)}.`
        : 'Its Message 2 goes out now: wait a minute.',
    );
  }
}

/** What the checkpoint of the last run knows beyond the database. */
async function beyondDatabase(world: World, campaign: number, type: MessageType): Promise<Beyond> {
  const { claims, doubts, outcomes } = (await world.view(campaign, type)).beyond;
  return { claims, doubts, outcomes };
}

function both(one: Beyond, other: Beyond): Beyond {
  return {
    claims: [...one.claims, ...other.claims],
    doubts: [...one.doubts, ...other.doubts],
    outcomes: [...one.outcomes, ...other.outcomes],
  };
}

function tellDiscrepancy(
  { show }: World,
  campaign: number,
  { kind, message, reference, phone, standing, held, reason }: Discrepancy,
): void {
  show.progress(null);
  show.result(
    { type: kind, campaign, message, reference, phone, ledger: standing, listed: held, reason },
    `${kind.padEnd(9)}  ${maskPhone(phone)}  ${reference}  ${reason}\n`,
  );
}

function progressTeller({ clock, show }: World, total: number): (counts: VerifyCounts) => void {
  const begin = clock.now();
  let toldAt = begin;
  return (counts) => {
    const now = clock.now();
    if (now - toldAt < TELL_EVERY) return;
    toldAt = now;
    const left = ((now - begin) / counts.total) * Math.max(0, total - counts.total);
    const differ = counts.missing + counts.extra;
    show.progress(`Compared ${counts.total} of ${formatCount(total, 'message')}, ${differ} differ, about ${formatDuration(left)} left`);
  };
}

function resultText(id: number, { total, matching, missing, extra, unchecked }: VerifyCounts): string {
  if (total === matching) return `Campaign ${id}: the records here match what the provider lists, for ${formatCount(total, 'message')}.\n`;
  const parts = [
    `${matching} matching`,
    `${missing} missing`,
    `${extra} extra`,
    ...(unchecked > 0 ? [`${unchecked} could not be checked`] : []),
  ];
  return `Campaign ${id}: ${parts.join(', ')}, of ${formatCount(total, 'message')}.\n`;
}

function readRate(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const { schema, allowed } = SETTINGS.lookupRate;
  const rate = schema.safeParse(text);
  if (rate.success) return Number(rate.data);
  throw new UsageError(`--rate is "${text}"; allowed: ${allowed}`);
}
