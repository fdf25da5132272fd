import type { Campaign } from '../core/campaign.ts';
import { formatCount } from '../core/units.ts';
import { UsageError } from '../errors.ts';
import type { RenderText } from '../ports/campaign-store.ts';
import type { Report } from '../ports/event-sink.ts';
import type { World } from '../world.ts';
import { announceIfSlow } from './announce-if-slow.ts';
import { type CampaignTexts, Refused, textsOf } from './template-sources.ts';

/**
 * Makes the recipients of a campaign that has none, from the contacts of its categories, and returns how many contacts were left out because
 * another is the same person; a UsageError when there are none to be made.
 */
export async function prepareRecipients(
  world: World,
  campaign: Campaign,
  report: Report,
  { skipInvalid = false }: { skipInvalid?: boolean | undefined } = {},
): Promise<number> {
  const { campaigns, recipients } = await world.data();
  if ((await campaigns.tally(campaign.id)).total > 0) return 0;
  const texts = await textsOf(world, campaign);
  for (const variable of await texts.absent())
    report.tell({ type: 'notice', level: 'info', text: `{{ ${variable} }} is no field of a contact; everyone gets its default` });
  const refused = new Refused();
  const { made, unverified, duplicates } = await announceIfSlow(
    world,
    'Making the recipients',
    recipients.prepare(campaign.id, collecting(texts, refused), () => {
      if (refused.count > 0 && !skipInvalid) throw refused.error(campaign.id);
    }),
  );
  if (refused.count > 0)
    report.tell({
      type: 'notice',
      level: 'info',
      text: `${formatCount(refused.count, 'contact')} left out: no text can be written for them`,
    });
  if (unverified > 0)
    report.tell({ type: 'notice', level: 'info', text: `${formatCount(unverified, 'contact')} left out: known not to be on WhatsApp` });
  if (duplicates > 0)
    report.tell({ type: 'notice', level: 'info', text: `${formatCount(duplicates, 'contact')} left out: another is the same person` });
  if (made === 0) {
    throw new UsageError(
      `campaign ${campaign.id} has no recipients: no messages, and no contact in its categories that may be written to`,
      'Give it a category with contacts, or send a file with --csv.',
    );
  }
  return duplicates;
}

/** Writes the text of each contact, and collects those for which none can be written: they get none. */
export function collecting(texts: CampaignTexts, refused: Refused): RenderText {
  return (fields, contact) => {
    const written = texts.write(fields);
    if ('text' in written) return written.text;
    refused.add(`contact ${contact}`, written.problem);
    return null;
  };
}
