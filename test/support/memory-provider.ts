import type { Finding, LineState, Outcome } from '../../src/core/outcome.ts';
import { controlOf } from '../../src/loop/prepare-message.ts';
import type { AcceptedRow } from '../../src/ports/campaign-store.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { OutboundMessage, Provider, Slot } from '../../src/ports/provider.ts';

/** What the provider does with one call: whether it takes the message, what it answers, and how long that takes. */
export interface Behaviour {
  takes: boolean;
  answer: Outcome;
  latencyMs: number;
  /** It takes the message this much later than the call begins, even when nobody waits for the answer any more. Default 0. */
  arrivesAfterMs?: number;
}

export interface Accepted {
  reference: string;
  phone: string;
  line: string;
  at: number;
}

const ACCEPTED: Behaviour = { takes: true, answer: { kind: 'accepted', providerId: 'p', whatsappId: null }, latencyMs: 0 };

/** A provider in memory. It outlives the runs that use it, and keeps what it accepted and when each call began. */
export class MemoryProvider implements Provider {
  name = 'Memory';
  line = 'line-1';
  lookUpsPerSecond = Number.POSITIVE_INFINITY;
  readonly accepted: Accepted[] = [];
  /** Messages of earlier campaigns, which it lists. */
  readonly history: Accepted[] = [];
  readonly starts: number[] = [];
  readonly #clock: Clock;
  readonly #ownNow: () => number;
  behave: (call: number, message: OutboundMessage) => Behaviour = () => ACCEPTED;
  onAccept: (accepted: Accepted) => void = () => undefined;
  /** Accepted messages are listed this much later. */
  listedAfterMs = 0;
  /** Whether the list says when it took a message. */
  tellsAge = false;
  /** Whether an answer of the list lacks a message that it should show. */
  loses: (reference: string) => boolean = () => false;
  /** What a look-up that cannot tell says; null while look-ups work. */
  lookUpFault: ((reference: string) => Finding | null) | null = null;
  lineState: () => LineState = () => ({ kind: 'ready', name: 'test' });
  /** How long an answer about the line takes. */
  lineLatencyMs = 0;
  /** When the line was asked how it is. */
  readonly asked: number[] = [];
  /** When each call was asked for, and until when it could be written. */
  readonly deadlines: { asked: number; given: number }[] = [];
  inFlight = 0;
  mostInFlight = 0;
  lookUps = 0;
  /** Called before each operation; may throw, or never resolve. */
  before: (operation: string) => Promise<void> = async () => undefined;

  /** `ownNow` is the provider's own clock, where that of the processes is set back or forward. */
  constructor(clock: Clock, ownNow: () => number = clock.now) {
    this.#clock = clock;
    this.#ownNow = ownNow;
  }

  async send(message: OutboundMessage, { opens, notAfter, onStart }: Slot): Promise<Outcome> {
    this.deadlines.push({ asked: this.#clock.now(), given: notAfter });
    await this.before('send');
    if ((await opens) === false) return { kind: 'unavailable', code: 'late', reason: 'not any more' };
    if (this.#clock.now() > notAfter) return { kind: 'unavailable', code: 'late', reason: 'too late' };
    await this.before('write');
    this.starts.push(this.#clock.now());
    onStart?.(this.#clock.now());
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    const { takes, answer, latencyMs, arrivesAfterMs = 0 } = this.behave(this.starts.length, message);
    if (takes && arrivesAfterMs > 0) void this.#clock.sleep(this.#clock.now() + arrivesAfterMs).then(() => this.#accept(message));
    else if (takes) this.#accept(message);
    await this.#clock.sleep(this.#clock.now() + latencyMs);
    this.inFlight -= 1;
    await this.before('answer');
    return answer.kind === 'accepted' ? { ...answer, providerId: `p-${message.reference}` } : answer;
  }

  #accept({ reference, phone }: OutboundMessage): void {
    const accepted = { reference, phone, line: this.line, at: this.#ownNow() };
    this.accepted.push(accepted);
    this.onAccept(accepted);
  }

  async lookUp({ reference, phone, line }: { reference: string; phone: string; line: string | null }): Promise<Finding> {
    await this.before('lookUp');
    this.lookUps += 1;
    const fault = this.lookUpFault?.(reference);
    if (fault) return fault;
    const found = [...this.accepted, ...this.history].find(
      (other) => other.reference === reference && other.phone === phone && (line === null || other.line === line),
    );
    if (found === undefined || this.#ownNow() < found.at + this.listedAfterMs || this.loses(reference)) return { kind: 'absent' };
    const age = this.tellsAge ? { ageMs: this.#ownNow() - found.at } : {};
    return { kind: 'found', providerId: `p-${reference}`, whatsappId: null, ...age, failure: null };
  }

  readonly list = null;

  async askLine(): Promise<LineState> {
    await this.before('askLine');
    this.asked.push(this.#clock.now());
    const state = this.lineState();
    await this.#clock.sleep(this.#clock.now() + this.lineLatencyMs);
    return state;
  }

  async close(): Promise<void> {}

  /** References that were accepted more than once. */
  duplicates(): string[] {
    const seen = new Set<string>();
    return this.accepted.flatMap(({ reference }) => (seen.size === seen.add(reference).size ? [reference] : []));
  }
}

/** A provider that accepts messages of other campaigns all the time, and a database that knows it: what its list can be known by. */
export function withHistory(provider: MemoryProvider, stores: Iterable<{ earlier: AcceptedRow[] }>, now: () => number): void {
  const row = { campaign: 1, campaignCreatedAt: null, message: 1, phone: '+2290199999999', content: 'Earlier', at: 0 };
  const { reference, phone } = controlOf(row);
  const last = { reference, phone, line: provider.line, at: 0 };
  provider.history.push(last);
  // Whenever the database is asked, the last of them was accepted just then; it is listed as late as any other.
  const lately = {
    ...row,
    get at() {
      last.at = now();
      return last.at;
    },
  };
  for (const store of stores) store.earlier = [lately];
}

/** From now on it cannot be asked what became of a message. */
export function cannotBeAsked(provider: MemoryProvider): void {
  Object.assign(provider, { lookUp: null });
}
