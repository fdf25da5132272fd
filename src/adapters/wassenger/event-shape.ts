import { isFields } from './body.ts';
import { phoneOf } from './event-fields.ts';

type Fields = Record<string, unknown>;

/**
 * An event in the one shape that is read, whichever of two it has: the flat one, with the message under `data`, or the nested one, with
 * `data.message` and `data.chat` apart and an id of its own that names no message.
 */
export function flatten(event: Fields): Fields {
  const { data } = event;
  if (!isFields(data) || !isFields(data.message)) return event;
  const { message, chat, ...rest } = data;
  const inChat = isFields(message.chat) ? message.chat : message.chat === undefined ? {} : { id: message.chat };
  return {
    ...event,
    id: undefined,
    created: event.created ?? event.createdAt,
    data: { ...rest, ...message, chat: { ...(isFields(chat) ? chat : {}), ...inChat } },
  };
}

/** Who wrote a message: the contact (`in`), the line or one of its agents (`out`); null where the event does not say. */
export function directionOf({ device }: Fields, { flow, fromMe, fromNumber, from, scope }: Fields): 'in' | 'out' | null {
  // What agents tell each other about a chat stands in it too.
  if (scope === 'note' || flow === 'outbound' || flow === 'out' || fromMe === true) return 'out';
  if (flow === 'inbound' || flow === 'in' || fromMe === false) return 'in';
  const sender = phoneOf(fromNumber, from);
  if (flow !== undefined || sender === null) return null;
  return isFields(device) && phoneOf(device.phone) === sender ? 'out' : 'in';
}
