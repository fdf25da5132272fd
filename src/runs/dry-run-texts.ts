import type { Campaign, Recipient } from '../core/campaign.ts';
import { toE164 } from '../core/phone.ts';
import { trimmed } from '../core/trimmed.ts';
import { formatCount } from '../core/units.ts';
import type { RenderText } from '../ports/campaign-store.ts';
import type { World } from '../world.ts';
import { confirmLiteral, type FoundTexts, lookAtTexts } from './check-texts.ts';
import { collecting } from './prepare-campaign.ts';
import type { SendingOptions } from './run-stream.ts';
import { Refused, textsOf } from './template-sources.ts';

/** Recipients whose text is shown. */
export const SAMPLE = 3;

/** What a dry run has found in the texts: of rows that are there, or of contacts that are to get one. */
export interface Looked extends Pick<FoundTexts, 'refused' | 'unwritten' | 'literal' | 'invalidNumbers'> {
  texts: { phone: string; text: string }[];
}

interface Looking {
  failed: boolean;
  /** Nothing of the campaign was sent before, so that a run would refuse what cannot be sent. */
  fresh: boolean;
  options: SendingOptions;
}

/** The texts of a campaign that has rows; of `sample`, the texts as they would go out. Rejects with UsageError where a run would. */
export async function lookAtRows(
  world: World,
  campaign: Campaign,
  { failed, fresh, options, sample }: Looking & { sample: Recipient[] },
): Promise<Looked> {
  const texts = await textsOf(world, campaign);
  const found = await lookAtTexts(world, campaign, { texts, failed, numbers: true });
  const { literal, firstLiteral: first, refused } = found;
  if (fresh && refused.count > 0 && !options.skipInvalid) throw refused.error(campaign.id);
  if (fresh && first !== null) await confirmLiteral(world, options, { literal, first, ask: false });
  const shown = sample.map(({ message, phone, content }) => ({ phone, text: found.sample.get(message) ?? content }));
  return { ...found, texts: shown.filter(({ text }) => trimmed(text) !== '') };
}

/** The texts of the contacts for which a run would make the rows, looked at as `render` is called for each. Rejects with UsageError where a run would. */
export async function contactsLookedAt(world: World, campaign: Campaign): Promise<{ looked: Looked; render: RenderText }> {
  const texts = await textsOf(world, campaign);
  await texts.understand();
  const looked: Looked = { refused: new Refused(), unwritten: 0, literal: 0, invalidNumbers: 0, texts: [] };
  const write = collecting(texts, looked.refused);
  const render: RenderText = (fields, contact) => {
    const text = write(fields, contact);
    const phone = fields.full_number ?? '';
    if (text !== null && toE164(phone) === undefined) looked.invalidNumbers += 1;
    if (text !== null && looked.texts.length < SAMPLE) looked.texts.push({ phone, text });
    return text;
  };
  return { looked, render };
}

/** What there is to say beside the number of recipients. */
export function notesOn({ refused, unwritten, invalidNumbers }: Looked): string {
  const notes = [
    refused.count > 0 && `${formatCount(refused.count, 'recipient')} left out: they cannot be sent to`,
    unwritten > 0 && `${formatCount(unwritten, 'text')} to be written from message_1`,
    invalidNumbers > 0 && `${formatCount(invalidNumbers, 'number')} will fail: not a phone number`,
  ].filter((note) => note !== false);
  return notes.map((note) => ` ${note}.`).join('');
}
