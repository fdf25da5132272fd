import type { Wording } from './faults.ts';
import { LINE_PHONE, widOf } from './records.ts';

type Fields = Record<string, unknown>;
type Identity = Wording['identity'];

/** The hidden id of a number, from which the number can be told here. */
export function lidOf(phone: string): string {
  return `1${[...phone.slice(1)].reverse().join('')}@lid`;
}

/** The number behind the id of a chat, by number or hidden; undefined when it is none. */
export function phoneOfChat(chat: string): string | undefined {
  const hidden = /^1(\d{6,14}[1-9])@lid$/.exec(chat)?.[1];
  const digits = hidden === undefined ? /^([1-9]\d{6,14})@c\.us$/.exec(chat)?.[1] : [...hidden].reverse().join('');
  return digits && `+${digits}`;
}

/** What a contact is called: the id of their chat. */
export function chatIdOf(phone: string, identity: Identity): string {
  return identity === 'number' ? widOf(phone) : lidOf(phone);
}

/** The chat with a contact, as far as it tells who they are. */
export function chatWith(phone: string, identity: Identity): Fields {
  const contact = identity === 'hidden' ? { meta: { isPhoneHidden: true } } : { phone };
  return { id: chatIdOf(phone, identity), type: 'chat', contact };
}

/** Both ends of what a contact wrote. A hidden id has digits, too, and they are no number. */
export function fromContact(phone: string, identity: Identity): Fields {
  return { from: chatIdOf(phone, identity), fromNumber: numberOf(phone, identity), to: widOf(LINE_PHONE), toNumber: LINE_PHONE };
}

/** Both ends of what we wrote. */
export function toContact(phone: string, identity: Identity): Fields {
  return { from: widOf(LINE_PHONE), fromNumber: LINE_PHONE, to: chatIdOf(phone, identity), toNumber: numberOf(phone, identity) };
}

function numberOf(phone: string, identity: Identity): string {
  return identity === 'number' ? phone : `+${lidOf(phone).replace('@lid', '')}`;
}
