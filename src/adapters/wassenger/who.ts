import type { Alias } from '../../core/incoming.ts';
import { personKey } from '../../core/person.ts';
import type { Phone } from '../../core/phone.ts';
import { isFields } from './body.ts';
import { nameOf, phoneOf } from './event-fields.ts';

type Fields = Record<string, unknown>;

/** A person as an event names them. */
export interface Who {
  phone: Phone | null;
  aliases?: Alias[];
}

/** Who wrote an inbound message; null where nothing says it. */
export function senderOf({ fromNumber, from, ...data }: Fields): Who | null {
  return whoIs(data, [fromNumber, from]);
}

/** The person a message of ours went to; none where nothing says it. */
export function recipientOf({ toNumber, phone, to, wid, ...data }: Fields): Who {
  return whoIs(data, [toNumber, phone, to, wid]) ?? { phone: null };
}

/** What the provider calls a number, in the form that aliases have: null for a text that names no one. */
export function aliasOf(value: unknown): Alias | null {
  const phone = phoneOf(value);
  if (phone !== null) return personKey(phone);
  const id = nameOf(value)?.replace(/:\d+@/, '@') ?? '';
  return /^[\w.-]{1,80}@[a-z.]{1,20}$/.test(id) ? id : null;
}

/** What the provider calls the recipient of a message of ours besides the number that it shows, if anything. */
export function otherName({ wid, phone }: Fields): { alias?: Alias } {
  const alias = aliasOf(wid);
  return alias === null || alias === aliasOf(phone) ? {} : { alias };
}

/**
 * The person of a chat, by what it says of itself and by the names that are `given` of them. The number is the chat's own, if it has one: the sender's may be the digits of a hidden id, and no number at all. Whatever else they are called
 * is an alias.
 */
export function whoIs(data: Fields, given: unknown[]): Who | null {
  const chat = isFields(data.chat) ? data.chat : { id: data.chat };
  const contact = isFields(chat.contact) ? chat.contact : {};
  const values = [contact.phone, ...given, contact.wid, chat.id, chat.lid, contact.lid];
  const named = values.flatMap((value) => {
    const alias = aliasOf(value);
    return alias === null ? [] : [{ alias, phone: phoneOf(value) }];
  });
  const hidden = new Set(named.flatMap(({ alias }) => (alias.endsWith('@lid') ? [`+${alias.slice(0, -'@lid'.length)}`] : [])));
  const real = named.filter(({ phone }) => phone === null || !hidden.has(phone));
  const isHidden = [chat, contact].some(({ meta }) => isFields(meta) && meta.isPhoneHidden === true);
  const phone = isHidden ? null : (real.find((one) => one.phone !== null)?.phone ?? null);
  const aliases = new Set(real.map(({ alias }) => alias));
  if (phone !== null) aliases.delete(personKey(phone));
  if (phone === null && aliases.size === 0) return null;
  return { phone, ...(aliases.size > 0 && { aliases: [...aliases] }) };
}
