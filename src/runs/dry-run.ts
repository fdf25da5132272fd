import { BEFORE_ALL } from '../core/campaign.ts';
import { eta } from '../core/eta.ts';
import { maskPhone, toE164 } from '../core/phone.ts';
import { formatCount, formatDuration, type Milliseconds } from '../core/units.ts';
import { EXIT } from '../errors.ts';
import { settingsOf } from '../flags.ts';
import type { World } from '../world.ts';
import { campaignOf, refuseCancelled } from './campaign-of.ts';
import { contactsLookedAt, lookAtRows, notesOn, SAMPLE } from './dry-run-texts.ts';
import { plannedFor } from './planned.ts';
import { leavingNow, leftOutWords, type SameText, sameTextWords, watchSameText } from './recent-check.ts';
import type { SendingOptions } from './run-stream.ts';

/** Rows among which the texts are found that are shown: some are left out. */
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
  const { campaigns, recipients, fitness } = await world.data();
  await fitness.require('reading');
  const campaign = await campaignOf(campaigns, id);
  refuseCancelled(campaign);
  const view = await world.view(id);
  const { header, lastMessage, unstored } = view;
  const { pace } = world.config(world.purpose, { ...header?.settings, ...settingsOf(options) }).policy;
  const contacts = (await recipients.has(id, null)) ? null : await contactsLookedAt(world, campaign);
  const watch = await watchSameText(world, campaign);
  const render = contacts && (watch?.seeing(contacts.render) ?? contacts.render);
  const planned = await plannedFor(world, id, view, { failed, render: render ?? undefined, see: watch?.see });
  const { total, duplicates, twice } = planned;
  const sameText = (await watch?.result({ skipRecent: options.skipRecent, found: view.beyond, twice })) ?? null;
  // What only the checkpoint knows to be sent comes before its last row.
  const after = unstored.sent + unstored.failed > 0 && lastMessage !== null ? lastMessage : BEFORE_ALL;
  const first = failed ? [] : await recipients.pending(id, after, LOOKED_AT);
  const sample = first.filter(({ message }) => !twice.has(message)).slice(0, SAMPLE);
  const fresh = header === null && !failed;
  const looked = contacts?.looked ?? (await lookAtRows(world, campaign, { failed, fresh, options, sample }));
  const { refused, unwritten, literal, invalidNumbers } = looked;
  if (fresh && refused.count > 0 && !options.skipInvalid) throw refused.error(id);
  const sendable = fresh && contacts === null ? planned.count - refused.count : planned.count;
  const pending = Math.max(0, sendable - leavingNow(sameText));
  const etaMs = eta(pending, pace);
  const texts = looked.texts.map(({ phone, text }) => `  ${maskPhone(toE164(phone) ?? phone)}: ${text}\n`).join('');
  const json = {
    ...{ type: 'dry_run', campaign: id, total, pending, duplicates, recent: sameText?.count ?? 0, eta_seconds: etaMs / 1_000 },
    ...{ refused: refused.count, unwritten, literal, invalid_numbers: invalidNumbers, texts: looked.texts },
  };
  world.show.result(
    json,
    `${nothingSent(pending, etaMs)}${leftOut(duplicates)}${recentNotes(sameText)}${notesOn(looked)}${texts && ` The first texts:\n${texts}`}\n`,
  );
  return EXIT.done;
}

/** How a dry run begins: how many are left, and how long they would take. */
export function nothingSent(pending: number, etaMs: Milliseconds): string {
  if (pending === 0) return 'Nothing was sent. Nobody is left to send to.';
  return `Nothing was sent. ${formatCount(pending, 'recipient')} would take ${formatDuration(etaMs)}.`;
}

function leftOut(duplicates: number): string {
  return duplicates === 0 ? '' : ` ${formatCount(duplicates, 'duplicate')} left out: the same person again.`;
}

function recentNotes(sameText: SameText | null): string {
  if (sameText === null || sameText.count === 0) return '';
  return sameText.leaveOut ? leftOutWords(sameText) : ` ${sameTextWords(sameText)}.`;
}
