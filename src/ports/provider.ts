import type { Alias, Fact, Incoming, StrangeEvent } from '../core/incoming.ts';
import type { Finding, LineState, Outcome } from '../core/outcome.ts';
import type { Pace } from '../core/pacing.ts';
import type { EpochMs, Milliseconds } from '../core/units.ts';
import type { ListedMessage } from '../core/verdict.ts';

export interface OutboundMessage {
  reference: string;
  /** E.164. */
  phone: string;
  content: string;
}

/** The time of one attempt. */
export interface Slot {
  /** The request is prepared, and written when this resolves; not at all when it resolves to false. Where it is missing, at once. Never rejects. */
  opens?: Promise<boolean>;
  /** The request is not written after this. */
  notAfter: EpochMs;
  /** Called when the request is written, with the moment; for one that waited for its slot to open once more where it left later. */
  onStart?: (at: EpochMs) => void;
}

/** One account of a provider. What it cannot be asked is null: whoever would ask goes on without. */
export interface Provider {
  /** As people know it. */
  readonly name: string;
  /** The line (device id) that this provider sends on. */
  readonly line: string;
  /** How many look-ups may begin in a second. */
  readonly lookUpsPerSecond: number;
  /**
   * One attempt, never repeated inside. A request that could not be written in its slot is not written at all (`unavailable`, code `late`):
   * a process that was suspended must not send what another has meanwhile taken over. Never rejects.
   */
  send(message: OutboundMessage, slot: Slot): Promise<Outcome>;
  /** One look-up; compares reference, number and line (null: whichever) on our side. Never rejects. */
  readonly lookUp: ((message: { reference: string; phone: string; line: string | null }) => Promise<Finding>) | null;
  /** Asks once for every message under a reference, on any line; compares reference and number on our side. Never rejects. */
  readonly list: List | null;
  /** Asks how the line is. Never rejects. */
  readonly askLine: (() => Promise<LineState>) | null;
  close(): Promise<void>;
}

/** Asks for what the provider lists under one reference. */
export type List = (message: { reference: string; phone: string }) => Promise<Listing>;

/** What the provider lists under one reference. */
export type Listing =
  | { kind: 'listed'; messages: ListedMessage[] }
  /** Not now: asked too fast (and when to ask again), or no answer (null). */
  | { kind: 'later'; reason: string; waitMs: Milliseconds | null }
  /** It refuses to say, or its list cannot tell. */
  | { kind: 'unclear'; reason: string; refused: boolean }
  /** It refuses our key or plan. */
  | { kind: 'barred'; reason: string };

/** Something about a line that a person should change, and how. */
export interface Advice {
  seen: string;
  next: string;
}

/** How a line is set up, as far as the provider tells: of what it does not tell nothing is said. Nothing here rejects. */
export interface Setup {
  /** What stands in the way of a campaign at this pace. */
  line(pace: Pace): Promise<Advice[]>;
  /** What is wrong with the calls of our webhook, or null where the provider does not list its webhooks. `url`: the address without its path; null where that is not known. */
  webhook(url: string | null): Promise<Advice[] | null>;
}

/** How a provider calls us, and how it proves that it is the provider. */
export interface Webhook {
  /** Where, below the listener's own address: `/webhooks/<name>`. */
  path: string;
  /** What follows the path, where the address is the secret; null where the path is the whole address. */
  secret: string | null;
  /** The whole path as people are told it, without any secret in it. */
  shown: string;
  /** Whether these very bytes are the provider's. */
  isGenuine(body: Uint8Array, header: (name: string) => string | undefined): boolean;
  /** What it is answered that asks with GET whether we are the ones it was told of (null: refused); null where no provider asks. */
  challenge: ((query: URLSearchParams) => string | null) | null;
  /** The facts in a parsed body, in their order; never throws. `now` stands in for times that are missing or absurd. */
  read(body: unknown, now: EpochMs): Incoming[];
}

/** A page of what the provider lists: the facts in it, what in it is not understood, and whether there may be more; or why it could not be read. */
export type Listed = { facts: Fact[]; strange?: StrangeEvent[]; more: boolean } | { problem: string };

/** Asks the provider for what its webhook calls would report. Nothing here rejects. */
export interface Watcher {
  /** How far the messages are that were sent on the line since then; pages from 0. */
  deliveries(since: EpochMs, page: number): Promise<Listed>;
  /** What a contact has lately written in the chat with the line. `name` is their number, or what the provider calls them instead. */
  chat(name: Alias): Promise<Listed>;
}
