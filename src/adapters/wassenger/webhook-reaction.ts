import type { Incoming } from '../../core/incoming.ts';
import type { EpochMs } from '../../core/units.ts';
import { isFields } from './body.ts';
import { deviceOf, isPersonal, nameOf, phoneOf, textOf, timeOf } from './event-fields.ts';

/** The longest emoji that is kept; a family of four has 11 UTF-16 code units. */
const LONGEST_EMOJI = 40;

type Fields = Record<string, unknown>;

/**
 * A reaction, or why it is none of a contact's. How the provider words it is not documented: the emoji and the message it is on are looked
 * for wherever similar interfaces have them.
 */
export function readReaction(event: Fields, data: Fields, now: EpochMs): Incoming {
  const ignored = (reason: string): Incoming => ({ kind: 'ignored', event: String(event.event), reason });
  const list = Array.isArray(data.reactions) ? data.reactions : [];
  const reaction = [data.reaction, list.at(-1)].find(isFields) ?? {};
  if (data.flow === 'outbound' || data.fromMe === true) return ignored('the line itself reacted');
  if (!isPersonal(data)) return ignored('it is not from a chat with one person');
  const chat = isFields(data.chat) ? data.chat : {};
  const contact = isFields(chat.contact) ? chat.contact : {};
  const phone = phoneOf(reaction.fromNumber, reaction.from, data.fromNumber, data.from, contact.phone, chat.id);
  if (phone === null) return ignored('it does not say from which number it is');
  const emoji = [data.reaction, reaction.reaction, reaction.emoji, reaction.text, data.emoji, data.body].find(
    (value) => typeof value === 'string',
  );
  const quoted = isFields(data.quoted) ? data.quoted.id : data.quoted;
  const target = [data.reactionMessage, reaction.messageId, reaction.message, data.target, quoted].map(nameOf).find((id) => id !== null);
  const waId = nameOf(data.id) ?? nameOf(event.id) ?? target ?? null;
  if (waId === null) return ignored('it has no id');
  return {
    kind: 'reaction',
    waId,
    phone,
    emoji: textOf(emoji, LONGEST_EMOJI),
    target: target ?? null,
    at: timeOf([reaction.timestamp, reaction.date, data.timestamp, data.date, event.created, event.date], now),
    device: deviceOf(event.device, data.device),
  };
}
