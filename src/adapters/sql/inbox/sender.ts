import type { Kysely } from 'kysely';
import type { ContactReaction, ContactReply } from '../../../core/incoming.ts';
import { type Phone, toE164 } from '../../../core/phone.ts';
import { type AliasContext, contactsNamed, linksOf, linkUnclaimed, namesOf } from '../stores/aliases.ts';
import { messagesNamed } from '../stores/provider-ids.ts';
import type { Schema } from '../tables/table-types.ts';

/** Who wrote or reacted, as far as it is known. */
export interface Sender {
  /** By id; empty for a person we do not know. */
  contacts: number[];
  /** All numbers they are known by: the one that the provider gives, and those of the contacts. */
  phones: Phone[];
  /** The message of ours that they quote or react to. */
  quoted: { message: number; campaign: number; contact: number } | null;
}

/**
 * Finds the sender by the message of ours that they quote and by their number; where that finds no contact, by their aliases: two people may have been
 * given one alias by mistake, and one who says stop must not stop the other. All contacts with one of the numbers are them. What the provider calls
 * them is kept.
 */
export async function senderOf(context: AliasContext, fact: ContactReply | ContactReaction): Promise<Sender> {
  const { transaction } = context;
  const names = namesOf(fact);
  const quoted = await messageOf(transaction, fact.kind === 'reply' ? fact.quoted : fact.target);
  const byNumber = await contactsNamed(transaction, namesOf({ phone: fact.phone }));
  const named = byNumber.length > 0 ? byNumber : await contactsNamed(transaction, fact.aliases ?? []);
  // A person who quotes a message is the one it was sent to. A reaction's target may be given by mistake, and counts only with the right person.
  const certain = quoted !== null && (fact.kind === 'reply' || named.length === 0) ? [quoted.contact] : [];
  const found = [...new Set([...certain, ...named])];
  if (found.length === 0) return { contacts: [], phones: fact.phone === null ? [] : [fact.phone], quoted: null };

  const rows = await transaction.selectFrom('contacts').select(['id', 'full_number']).where('id', 'in', found).execute();
  const numbers = rows.map(({ full_number }) => toE164(full_number)).filter((phone) => phone !== undefined);
  const others = numbers.flatMap((phone) => namesOf({ phone })).filter((name) => !names.includes(name));
  const contacts = [...new Set([...found, ...(await contactsNamed(transaction, others))])].sort((a, b) => a - b);
  const owner = rows.find(({ id }) => Number(id) === (certain[0] ?? contacts[0]));
  if (owner !== undefined) await linkUnclaimed(context, linksOf(Number(owner.id), owner.full_number, names));
  const phones = [...new Set([...(fact.phone === null ? [] : [fact.phone]), ...numbers])];
  return { contacts, phones, quoted: quoted !== null && contacts.includes(quoted.contact) ? quoted : null };
}

async function messageOf(db: Kysely<Schema>, name: string | null): Promise<Sender['quoted']> {
  const message = name === null ? undefined : (await messagesNamed(db, [name])).get(name)?.message;
  if (message === undefined) return null;
  const row = await db.selectFrom('messages').select(['campaign_id', 'contact_id']).where('id', '=', message).executeTakeFirst();
  return row === undefined ? null : { message, campaign: Number(row.campaign_id), contact: Number(row.contact_id) };
}
