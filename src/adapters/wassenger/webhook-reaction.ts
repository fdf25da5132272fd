import type { Incoming } from '../../core/incoming.ts';
import type { EpochMs } from '../../core/units.ts';
import { isFields } from './body.ts';
import { deviceOf, isPersonal, messageNameOf, phoneOf, textOf, timeOf } from './event-fields.ts';
import { directionOf } from './event-shape.ts';
import { whoIs } from './who.ts';

/** The longest emoji that is kept; a family of four has 11 UTF-16 code units. */
const LONGEST_EMOJI = 40;

type Fields = Record<string, unknown>;

/**
 * A reaction, or why it is none of a contact's. How the provider words it is not documented: it comes as a message of the contact, or with our
 * own message, which then lists its reactions; the emoji is looked for wherever similar interfaces have it.
 */
export function readReaction(event: Fields, data: Fields, now: EpochMs): Incoming {
  const ignored = (reason: string): Incoming => ({ kind: 'ignored', event: String(event.event), reason });
  const strange = (reason: string): Incoming => ({ kind: 'strange', event: String(event.event), reason });
  const list = Array.isArray(data.reactions) ? data.reactions : [];
  const reaction = [data.reaction, list.at(-1)].find(isFields) ?? {};
  const isOnOurs = directionOf(event, data) === 'out';
  if (isOnOurs && (Object.keys(reaction).length === 0 || isByTheLine(reaction, data))) return ignored('the line itself reacted');
  if (!isPersonal(data)) return ignored('it is not from a chat with one person');
  // In a chat with one person, anyone who reacts to our message and is not us is that person.
  const contact = isOnOurs ? [data.toNumber, data.phone, data.to] : [data.fromNumber, data.from];
  const who = whoIs(data, [reaction.fromNumber, reaction.from, ...contact]);
  if (who === null) return strange('it does not say from whom it is');
  const emoji = [data.reaction, reaction.reaction, reaction.emoji, reaction.text, ...(isOnOurs ? [] : [data.emoji, data.body])].find(
    (value) => typeof value === 'string',
  );
  const targets = isOnOurs ? [data.id] : [data.reactionMessage, reaction.messageId, reaction.message, data.target, data.quoted];
  const target = targets.map(messageNameOf).find((id) => id !== null) ?? null;
  const waId = messageNameOf(isOnOurs ? reaction.id : data.id) ?? messageNameOf(event.id) ?? target;
  if (waId === null) return strange('it has no id');
  return {
    kind: 'reaction',
    waId,
    ...who,
    emoji: textOf(emoji, LONGEST_EMOJI),
    target,
    at: timeOf([reaction.timestamp, reaction.date, data.timestamp, data.date, event.created, event.date], now),
    device: deviceOf(event.device, data.device),
  };
}

function isByTheLine({ fromMe, fromNumber, from }: Fields, ours: Fields): boolean {
  const by = phoneOf(fromNumber, from);
  return fromMe === true || (by !== null && by === phoneOf(ours.fromNumber, ours.from));
}
