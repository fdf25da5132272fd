import type { ContactReaction } from '../../core/incoming.ts';
import { answeredMessage1 } from '../../core/reply.ts';
import type { FactResult } from '../../ports.ts';
import { lockCampaign } from './counters.ts';
import { addInteraction } from './interactions.ts';
import { messagesNamed } from './provider-ids.ts';
import { contactsOf, sentTo } from './reply.ts';
import type { Working } from './work-off.ts';

/** The effects of a reaction: an interaction of the message it is on, or else of the latest Message 1. It never brings a Message 2. */
export async function react(working: Working, fact: ContactReaction): Promise<FactResult> {
  if (fact.emoji === '') return 'unchanged';
  const contacts = await contactsOf(working, fact.phone);
  const moment = { at: fact.at, receivedAt: fact.at, now: working.at, pending: false };
  const on = (await messageOn(working, fact, contacts)) ?? answeredMessage1(await sentTo(working, contacts), moment);
  if (on === null || on === 'wait') return 'unrelated';
  await lockCampaign(working.transaction, working.dialect, on.campaign);
  const added = await addInteraction(working, on, { type: 'reaction', id: fact.waId, text: fact.emoji, at: fact.at });
  return added ? 'done' : 'unchanged';
}

/** The message that it is on, when that is known and was to this contact. */
async function messageOn({ transaction }: Working, { target }: ContactReaction, contacts: number[]) {
  if (target === null || contacts.length === 0) return null;
  const named = (await messagesNamed(transaction, [target])).get(target);
  if (named === undefined) return null;
  const row = await transaction
    .selectFrom('messages')
    .select(['campaign_id', 'contact_id'])
    .where('id', '=', named.message)
    .executeTakeFirst();
  if (row === undefined || !contacts.includes(Number(row.contact_id))) return null;
  return { campaign: Number(row.campaign_id), contact: Number(row.contact_id), message: named.message };
}
