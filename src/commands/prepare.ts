import type { Campaign } from '../core/campaign.ts';
import { formatCount } from '../core/units.ts';
import { UsageError } from '../errors.ts';
import type { Report } from '../ports.ts';
import type { World } from '../world.ts';
import { slowly } from './slowly.ts';

/** What a text in the database may name: the columns of `contacts`. */
export const CONTACT_FIELDS = ['first_name', 'last_name', 'full_number', 'phone_number', 'country_code'];

/**
 * Makes the recipients of a campaign that has none, from the contacts of its categories, and returns how many contacts were left out because
 * another is the same person; a UsageError when there are none to be made.
 */
export async function prepareRecipients(world: World, campaign: Campaign, report: Report): Promise<number> {
  const { campaigns, recipients } = await world.data();
  if ((await campaigns.tally(campaign.id)).total > 0) return 0;
  const template = await world.template(campaign.message1 ?? '', `message_1 of campaign ${campaign.id}`);
  const unknown = template.unknown(CONTACT_FIELDS);
  if (unknown.length > 0) throw new UsageError(`${unknown.join('; ')}; the fields are ${CONTACT_FIELDS.join(', ')}`);
  for (const variable of template.absent(CONTACT_FIELDS))
    report.tell({ type: 'notice', level: 'info', text: `{{ ${variable} }} is no field of a contact; everyone gets its default` });
  const { made, unverified, duplicates } = await slowly(
    world,
    'Making the recipients',
    recipients.prepare(campaign.id, (fields) => template.render(fields)),
  );
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
