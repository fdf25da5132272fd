import type { PersonKey } from './person.ts';
import type { Phone } from './phone.ts';
import type { EpochMs } from './units.ts';

/**
 * What the provider calls a person besides the number that it gives: the key of another number, or an id that is none (`77@lid`). Where it gives
 * no number, this is all there is.
 */
export type Alias = PersonKey | string;

/** How far a message of ours has come, as the provider reports it. */
export type DeliveryState = 'sent' | 'delivered' | 'read' | 'failed';

/** What became of a message of ours. It is named by the WhatsApp id, by the provider's, or by both. */
export interface Delivery {
  kind: 'delivery';
  ids: { waId: string | null; providerId: string | null };
  state: DeliveryState;
  /** When it came so far; when it was reported, where that is not said. */
  at: EpochMs;
  /** When the provider took it, where that is said. */
  acceptedAt?: EpochMs;
  /** Why it failed; null for every other state. */
  failure: { code: string; reason: string } | null;
  phone: Phone | null;
  aliases?: Alias[];
  reference: string | null;
  device: string | null;
}

/** A message that a contact wrote to a line of ours. */
export interface ContactReply {
  kind: 'reply';
  waId: string;
  phone: Phone | null;
  aliases?: Alias[];
  /** Empty for a photograph, a voice note or the like without a caption. At most 16,000 characters. */
  text: string;
  /** Of a button or a row that was chosen: its other names. */
  choices?: string[];
  /** The contact has changed what they had written under this id. */
  edited?: boolean;
  /** The contact's own time stamp. */
  at: EpochMs;
  device: string | null;
  /** The WhatsApp id of the message that it quotes. */
  quoted: string | null;
}

/** A contact's emoji on a message. */
export interface ContactReaction {
  kind: 'reaction';
  /** The reaction's own id, or its target's where it has none. */
  waId: string;
  phone: Phone | null;
  aliases?: Alias[];
  /** Empty when the contact took it back, or where it is not said. */
  emoji: string;
  /** The WhatsApp id of the message it is on. */
  target: string | null;
  at: EpochMs;
  device: string | null;
}

/** An event that means nothing to us. `event` is its name, empty where it has none; `reason` follows "ignored, because". */
export interface IgnoredEvent {
  kind: 'ignored';
  event: string;
  reason: string;
}

/** An event that may mean something to us and cannot be read: never to be passed over in silence. `reason` follows "not understood, because". */
export interface StrangeEvent {
  kind: 'strange';
  event: string;
  reason: string;
}

/** One fact that the provider reports. */
export type Incoming = Delivery | ContactReply | ContactReaction | IgnoredEvent | StrangeEvent;

/** One thing that the provider reported and that changes something here: what the inbox keeps. */
export type Fact = Delivery | ContactReply | ContactReaction;

/** True of an event that may mean something and cannot be read. */
export function isStrange(incoming: Incoming): incoming is StrangeEvent {
  return incoming.kind === 'strange';
}

/** True unless the event means nothing to us, or cannot be read. */
export function isFact(incoming: Incoming): incoming is Fact {
  return incoming.kind !== 'ignored' && incoming.kind !== 'strange';
}
