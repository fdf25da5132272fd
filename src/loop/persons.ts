import { BEFORE_ALL } from '../core/campaign.ts';
import { personKey } from '../core/person.ts';
import { createPersonTable, type PersonTable } from '../core/person-table.ts';
import { toE164 } from '../core/phone.ts';
import type { PlacedRow, RecipientStore, SeenRow } from '../ports/campaign-store.ts';

/** Rows read at a time: little memory, few questions. */
const PAGE = 1_000;

/**
 * Which message of a campaign each of its people gets, whatever the spelling or form of their number: one person, one message. It takes 21 to 33
 * bytes for a person (measured for a million: see docs/performance.md), and is kept for the whole run, so that rows which others add meanwhile meet it.
 */
export class Persons {
  readonly #table: PersonTable;
  /** By number of the person: the message, NaN where there is none. */
  #messages: Float64Array;
  /** 1 where the message was sent, or may have been: no other takes its place. */
  #held: Uint8Array;

  constructor(expected = 0) {
    this.#table = createPersonTable(expected);
    this.#messages = new Float64Array(expected).fill(Number.NaN);
    this.#held = new Uint8Array(expected);
  }

  /** The message that the person at this number gets: this one, where there was none. A text that is no number belongs to no person. */
  messageFor(number: string, message: number): number {
    const phone = toE164(number);
    if (phone === undefined) return message;
    const at = this.#placeOf(phone);
    if (Number.isNaN(this.#messages[at])) this.#messages[at] = message;
    return this.#messages[at] as number;
  }

  /** The person was sent this message, or may have been; returns the one that has lost its place to it, or null. */
  hold(number: string, message: number): number | null {
    const phone = toE164(number);
    if (phone === undefined) return null;
    const at = this.#placeOf(phone);
    const before = this.#messages[at] as number;
    if (this.#held[at] === 1) return null;
    this.#held[at] = 1;
    this.#messages[at] = message;
    return Number.isNaN(before) || before === message ? null : before;
  }

  /** The message certainly did not reach the person: another may. */
  free(number: string, message: number): void {
    const phone = toE164(number);
    if (phone === undefined) return;
    const at = this.#placeOf(phone);
    if (this.#messages[at] !== message) return;
    this.#messages[at] = Number.NaN;
    this.#held[at] = 0;
  }

  #placeOf(phone: string): number {
    const at = this.#table.place(personKey(phone));
    if (at >= this.#messages.length) this.#grow(Math.max(1024, 2 * at));
    return at;
  }

  #grow(length: number): void {
    const [messages, held] = [new Float64Array(length).fill(Number.NaN), new Uint8Array(length)];
    messages.set(this.#messages);
    held.set(this.#held);
    [this.#messages, this.#held] = [messages, held];
  }
}

/** What one pass over a campaign's rows found. */
export interface FoundPersons {
  persons: Persons;
  /** Pending rows that would be a second message to one person, by id. */
  duplicates: number[];
  /** Failed rows that would be, were they sent again; only where the failed were asked for. */
  notAgain: number[];
}

interface Pass {
  campaign: number;
  /** Rows there are, so that memory is taken once. */
  total: number;
  /** Messages that the checkpoint has claimed or in doubt. */
  open: ReadonlySet<number>;
  /** The failed are to be sent again. */
  failed?: boolean;
  /** Is shown each row that is to be sent to, with its text; without it the texts are not read. */
  see?: ((row: SeenRow) => void) | undefined;
}

/**
 * One pass over a campaign's rows, a page at a time. A person gets the message that was sent to them or may have been; where there is none, the
 * pending one with the lowest id. Reads only: the same rows always give the same answer, so a run that was killed is repeated by the next.
 */
export async function findPersons(
  recipients: Pick<RecipientStore, 'peopleIn'>,
  { campaign, total, open, failed = false, see }: Pass,
): Promise<FoundPersons> {
  const persons = new Persons(total);
  const [duplicates, notAgain]: [number[], number[]] = [[], []];
  const eachIn = async (status: PlacedRow['status'], visit: (row: PlacedRow) => void) => {
    const isSeen = see !== undefined && status === (failed ? 'failed' : 'pending');
    for (let after = BEFORE_ALL; ; ) {
      const page = await recipients.peopleIn(campaign, status, after, { limit: PAGE, texts: isSeen });
      for (const row of page) visit(row);
      if (isSeen) for (const row of page) if (!row.marked && !row.skipped) see(row as SeenRow);
      if (page.length < PAGE) return;
      after = page.at(-1)?.message ?? after;
    }
  };
  for (const status of ['sent', 'delivered', 'read'] as const)
    await eachIn(status, ({ phone, message }) => void persons.hold(phone, message));
  await eachIn('pending', ({ phone, message, marked, skipped }) => {
    if (marked || open.has(message)) {
      const displaced = persons.hold(phone, message);
      if (displaced !== null) duplicates.push(displaced);
    } else if (persons.messageFor(phone, message) !== message && !skipped) duplicates.push(message);
  });
  if (failed)
    await eachIn('failed', ({ phone, message }) => {
      if (persons.messageFor(phone, message) !== message) notAgain.push(message);
    });
  return { persons, duplicates: duplicates.sort((a, b) => a - b), notAgain };
}
