import { campaignName } from '../../src/core/checkpoint.ts';
import type { Event } from '../../src/core/event.ts';
import { isConsistent } from '../../src/core/progress.ts';
import { messageOf, UserError } from '../../src/errors.ts';
import type { OutboundMessage } from '../../src/ports/provider.ts';
import type { MemoryEntries } from '../support/memory-entries.ts';
import type { Row } from '../support/memory-store.ts';
import { keptBy, type Shared } from './shared.ts';
import type { SimProcess } from './sim-process.ts';

/** After a wipe, or with the clock set back, a call may still go out under a claim that was made before. */
const EXEMPT_MS = 20_000;

/** Watches everything that happens in a simulated world, and remembers what must never happen. */
export class Witness {
  readonly violations: string[] = [];
  /** Calls written, over all processes. */
  written = 0;
  readonly #shared: Shared;
  readonly #accepted = new Map<string, string>();
  readonly #told = new Set<string>();
  readonly #inFlight = new Map<SimProcess, number>();
  readonly #sending = new Set<SimProcess>();
  readonly #lastEvent = new Map<SimProcess, Event['type']>();
  #lastStart: number | null = null;
  #exemptUntil = 0;
  #wiped = false;
  #wentBack = false;

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  violated(text: string): void {
    this.#shared.trace(`VIOLATED: ${text}`);
    this.violations.push(text);
  }

  /** The checkpoint was wiped, or the clock was set back. */
  disturbed(wiped: boolean): void {
    this.#exemptUntil = this.#shared.trueNow() + EXEMPT_MS;
    if (!wiped) return;
    this.#wiped = true;
    this.#lastStart = null;
  }

  /** The database went back in time: who was told as sent may be pending again, under a finished checkpoint too. */
  wentBack(): void {
    this.#wentBack = true;
  }

  /** A process writes a request: under its locks, under a durable claim of its own, and not too soon. */
  wrote(process: SimProcess, { reference }: OutboundMessage): void {
    const { leases, entries, scenario, trueNow } = this.#shared;
    const { campaign, message } = readReference(reference);
    this.written += 1;
    const inFlight = (this.#inFlight.get(process) ?? 0) + 1;
    this.#inFlight.set(process, inFlight);
    if (inFlight > scenario.concurrency) this.violated(`${inFlight} calls in flight, allowed are ${scenario.concurrency}`);

    const now = trueNow();
    const gap = this.#lastStart === null ? Number.POSITIVE_INFINITY : now - this.#lastStart;
    const least = scenario.delaySeconds * 1_000;
    if (gap < least) this.violated(`${reference} starts ${gap} ms after the send before it, less than the delay`);
    this.#lastStart = now;

    if (now < this.#exemptUntil) return;
    const { token } = process.owner;
    for (const name of [campaignName(campaign, 'message_1'), 'line:line-1']) {
      const owner = leases.rows.get(name)?.owner;
      if (owner?.token !== token) this.violated(`${token} sends ${reference} and ${owner?.token ?? 'nobody'} has the lease ${name}`);
    }
    const fields = (entries[process.store] as MemoryEntries).fields(campaignName(campaign, 'message_1'));
    const claim = JSON.parse(fields.get(String(message)) ?? '{}');
    const claimedBy = JSON.parse(fields.get(`run:${claim.run}`) ?? '{}').token;
    if (claim.is !== 'claim' || claim.reference !== reference || claimedBy !== token)
      this.violated(`${token} sends ${reference} without a durable claim`);
  }

  answered(process: SimProcess): void {
    this.#inFlight.set(process, (this.#inFlight.get(process) ?? 0) - 1);
  }

  /** The provider accepts a message: at most one for each campaign and contact. */
  accepted(reference: string, phone: string): void {
    const { campaign } = readReference(reference);
    const name = `${campaign} ${phone}`;
    const before = this.#accepted.get(name);
    if (before !== undefined) this.violated(`${phone} gets campaign ${campaign} twice: ${before}, ${reference}`);
    this.#accepted.set(name, reference);
  }

  hasAccepted(campaign: number, phone: string): boolean {
    return this.#accepted.has(`${campaign} ${phone}`);
  }

  /** The database has a new status for a row: sent only if it was accepted, failed only if it was not. */
  recorded(campaign: number, { message, phone, status }: Row): void {
    if (status === 'pending') return;
    if (this.hasAccepted(campaign, phone) !== (status === 'sent')) this.violated(`message ${message} of campaign ${campaign} is ${status}`);
  }

  /** A process tells an event: everybody is somewhere at every moment, and nobody is said to be sent twice. */
  told(process: SimProcess, event: Event): void {
    this.#lastEvent.set(process, event.type);
    if (event.type !== 'tick') this.#shared.trace(`${process.owner.token} tells ${JSON.stringify(event)}`);
    if (event.type === 'batch') this.#sending.add(process);
    if ('progress' in event && !isConsistent(event.progress)) this.violated(`the progress does not add up: ${JSON.stringify(event)}`);
    // What an earlier run told is not known to one that says so.
    if (event.type === 'notice' && /not the one of its last run/.test(event.text)) this.#told.clear();
    if (event.type !== 'sent') return;
    if (this.#told.has(event.reference) && !this.#wiped && !this.#wentBack && !this.#shared.scenario.twoStores)
      this.violated(`${event.reference} is told as sent twice`);
    this.#told.add(event.reference);
    if (!this.hasAccepted(event.campaign, event.phone))
      this.violated(`${event.reference} is told as sent, and the provider does not have it`);
  }

  /** A process ended by itself: with an exit code or an error for people, and with a summary when it had begun. */
  ended(process: SimProcess, error: unknown): void {
    if (error !== null && !(error instanceof UserError))
      this.violated(`it ended with a bug: ${error instanceof Error ? error.stack : messageOf(error)}`);
    for (const [campaign, { rows }] of this.#shared.stores) {
      const isFinished = keptBy(this.#shared, campaign).header?.finished === true;
      if (isFinished && !this.#wentBack && rows.some(({ status, error }) => status === 'pending' && !isLeftOut(error)))
        this.violated(`campaign ${campaign} is called finished too soon`);
    }
    if (this.#sending.has(process) && this.#lastEvent.get(process) !== 'summary') this.violated('a run ended without a summary');
  }

  /** Everything is over: as one run without a stop would have ended. */
  finished(): void {
    const { stores, refuses, out } = this.#shared;
    for (const [campaign, store] of stores) {
      for (const { message, phone, status, error } of store.rows) {
        // Who wants no messages now may have got it before.
        const isOut = out.has(phone) && isLeftOut(error) && (this.#wentBack || !this.hasAccepted(campaign, phone));
        const right = isOut ? 'pending' : refuses(phone) ? 'failed' : 'sent';
        if (status !== right) this.violated(`message ${message} of campaign ${campaign} ends as ${status}, it should be ${right}`);
        if (!isOut && this.hasAccepted(campaign, phone) !== (right === 'sent'))
          this.violated(`${phone} of campaign ${campaign} did not get what was right`);
      }
      const { recipients, counted } = keptBy(this.#shared, campaign);
      const left = recipients.size;
      const { sent, failed } = counted ?? { sent: 0, failed: 0 };
      if (left > 0) this.violated(`the checkpoint of campaign ${campaign} still holds ${left} recipients`);
      const leftOut = store.rows.filter(({ status }) => status === 'pending').length;
      if (sent + failed + leftOut !== store.rows.length)
        this.violated(`the counters of campaign ${campaign} say ${sent} + ${failed} of ${store.rows.length}, ${leftOut} left out`);
    }
  }
}

/** Whether a row says that its contact wants no messages. */
export function isLeftOut(error: string | null): boolean {
  return error?.startsWith('wsend: skipped:') === true;
}

function readReference(reference: string): { campaign: number; message: number } {
  const [, campaign, message] = reference.split('-');
  return { campaign: Number(campaign), message: Number(message) };
}
