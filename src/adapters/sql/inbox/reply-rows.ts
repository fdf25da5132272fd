import type { ContactReply } from '../../../core/incoming.ts';
import { answeredMessage1, bringsMessage2, mayBecomeKnown, type SentMessage1 } from '../../../core/reply.ts';
import { isStopWord } from '../../../core/stop-words.ts';
import type { EpochMs } from '../../../core/units.ts';
import { isCancelled } from '../stores/campaign-notes.ts';
import { lockCampaign } from '../stores/counters.ts';
import { areOut, LONGEST_LISTED, lockOptOuts, setOptOuts } from '../stores/opt-outs.ts';
import { lineOf } from '../stores/provider-ids.ts';
import { hasStatus, TAKEN } from '../tables/message-rows.ts';
import { fromStored } from '../tables/stored-time.ts';
import { addInteraction } from './interactions.ts';
import { makeMessage2 } from './message-2-rows.ts';
import { type Sender, senderOf } from './sender.ts';
import { isWanted } from './sql-replies.ts';
import type { Worked, Working } from './working.ts';

/**
 * The effects of a reply: the interaction, the opt-out when it is a stop word, and Message 2 where it brings one. A stop word never waits. The
 * campaign is locked before anything is decided, so that of two replies at once only one makes a Message 2.
 */
export async function reply(working: Working, fact: ContactReply, receivedAt: EpochMs): Promise<Worked> {
  const { transaction, dialect, rooms, stop, now, text } = working;
  const stops = [fact.text, ...(fact.choices ?? [])].some((word) => isStopWord(word, stop));
  const sender = await senderOf(working, fact);
  const { contacts, phones, quoted } = sender;
  const stranger = contacts.length === 0 ? { stranger: fact.phone ?? fact.aliases?.[0] ?? '' } : {};
  if (contacts.length === 0 && !stops && mayBecomeKnown({ receivedAt, now: working.at })) return { result: 'waits', message2: null };
  let locked: number | null = null;
  let answered: SentMessage1 | null = null;
  for (;;) {
    const moment = { at: fact.at, receivedAt, now: working.at, quoted, pending: !stops && (await isPending(working, contacts)) };
    const found = answeredMessage1(await sentTo(working, contacts), moment);
    if (found === 'wait') return { result: 'waits', message2: null };
    answered = found;
    if (found === null || found.campaign === locked) break;
    await lockCampaign(transaction, dialect, found.campaign);
    locked = found.campaign;
  }
  const interaction = { type: 'reply', id: fact.waId, text: fact.text, at: fact.at } as const;
  const isNew = answered === null || (await addInteraction(working, answered, interaction));
  if (stops && (isNew || fact.edited)) {
    // Of a person we do not know, every name: whichever of them becomes known, they are stopped.
    const all = contacts.length > 0 ? phones : [...phones, ...(fact.aliases ?? [])].filter((name) => name.length <= LONGEST_LISTED);
    await lockOptOuts(transaction, dialect);
    const source = text(`reply: ${fact.text.trim()}`, rooms('wsend_optouts', 'source'));
    await setOptOuts(transaction, { phones: all, out: true, source, now });
    // Who it is may be on its way to the database in this very moment.
    const waits = contacts.length === 0 && fact.phone === null && mayBecomeKnown({ receivedAt, now: working.at });
    return waits ? { result: 'waits', message2: null } : { result: 'opted_out', message2: null, ...stranger };
  }
  if (!isNew) return { result: 'unchanged', message2: null };
  if (answered === null) return { result: 'unrelated', message2: null, ...stranger };
  // A `cancel` locks the row of its campaign, too: it is so for as long as this transaction lasts.
  if (await isCancelled(transaction, answered.campaign)) return { result: 'done', message2: null };
  return { result: 'done', message2: await message2For(working, { answered, sender, fact }) };
}

/** Every Message 1 that these contacts have had. */
export async function sentTo({ transaction, dialect }: Working, contacts: number[]): Promise<SentMessage1[]> {
  if (contacts.length === 0) return [];
  const rows = await transaction
    .selectFrom('messages')
    .select(['id', 'campaign_id', 'contact_id', 'sent_at'])
    .where('contact_id', 'in', contacts)
    .where('message_type', '=', 'message_1')
    .where(hasStatus(dialect, ...TAKEN))
    .execute();
  return rows.flatMap(({ id, campaign_id, contact_id, sent_at }) => {
    const sentAt = fromStored(sent_at);
    return sentAt === null ? [] : [{ campaign: Number(campaign_id), contact: Number(contact_id), message: Number(id), sentAt }];
  });
}

/** True while a campaign that is being sent has a pending Message 1 for one of these contacts. */
async function isPending({ transaction }: Working, contacts: number[]): Promise<boolean> {
  if (contacts.length === 0) return false;
  const row = await transaction
    .selectFrom('messages as m')
    .innerJoin('campaigns as c', 'c.id', 'm.campaign_id')
    .select('m.id')
    .where('m.contact_id', 'in', contacts)
    .where('m.message_type', '=', 'message_1')
    .where('m.status', '=', 'pending')
    .where(isWanted('m.error_message'))
    .where('c.status', '=', 'sending')
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

interface Answer {
  answered: SentMessage1;
  sender: Sender;
  fact: ContactReply;
}

async function message2For(working: Working, { answered, sender, fact }: Answer): Promise<Worked['message2']> {
  const { transaction } = working;
  const { contacts, phones } = sender;
  const { campaign, contact } = answered;
  const template =
    (await transaction.selectFrom('campaigns').select('message_2').where('id', '=', campaign).executeTakeFirst())?.message_2 ?? '';
  const ready = await transaction
    .selectFrom('wsend_message_2')
    .select('content')
    .where('campaign_id', '=', campaign)
    .where('contact_id', '=', contact)
    .executeTakeFirst();
  const made = await transaction
    .selectFrom('messages')
    .select('id')
    .where('contact_id', 'in', contacts)
    .where('campaign_id', '=', campaign)
    .where('message_type', '=', 'message_2')
    .limit(1)
    .executeTakeFirst();
  const known = {
    hasMessage2: ready !== undefined || template.trim() !== '',
    optedOut: (await areOut(transaction, phones)).size > 0,
    alreadyMade: made !== undefined,
  };
  if (!bringsMessage2(known)) return null;
  const line = (await lineOf(transaction, answered.message)) ?? fact.device;
  return makeMessage2(working, { campaign, contact, content: ready?.content ?? null, template, line });
}
