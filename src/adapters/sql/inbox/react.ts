import type { ContactReaction } from '../../../core/incoming.ts';
import { answeredMessage1 } from '../../../core/reply.ts';
import type { FactResult } from '../../../ports/inbox.ts';
import { lockCampaign } from '../stores/counters.ts';
import { addInteraction } from './interactions.ts';
import { sentTo } from './reply-rows.ts';
import { senderOf } from './sender.ts';
import type { Working } from './working.ts';

/** The effects of a reaction: an interaction of the message it is on, or else of the latest Message 1. It never brings a Message 2. */
export async function react(working: Working, fact: ContactReaction): Promise<FactResult> {
  if (fact.emoji === '') return 'unchanged';
  const { contacts, quoted } = await senderOf(working, fact);
  const moment = { at: fact.at, receivedAt: fact.at, now: working.at, pending: false };
  const on = quoted ?? answeredMessage1(await sentTo(working, contacts), moment);
  if (on === null || on === 'wait') return 'unrelated';
  await lockCampaign(working.transaction, working.dialect, on.campaign);
  const added = await addInteraction(working, on, { type: 'reaction', id: fact.waId, text: fact.emoji, at: fact.at });
  return added ? 'done' : 'unchanged';
}
