import { REPLY_WINDOW } from '../core/campaign.ts';
import type { StrangeEvent } from '../core/incoming.ts';
import { HOUR, type Milliseconds, SECOND } from '../core/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { Replies } from '../ports/inbox.ts';
import type { Listed, Watcher } from '../ports/provider.ts';
import type { Receiver } from './receiver.ts';

/** Between two questions: kind to the provider's limits, of which nothing is published. Our caution. */
const BETWEEN_CALLS: Milliseconds = SECOND;
/** Between the ends of two sweeps. */
const BETWEEN_SWEEPS: Milliseconds = 15 * SECOND;
/** After an answer that was none: the provider advises a minute after a 429. */
const AFTER_PROBLEM: Milliseconds = 60 * SECOND;
/** Reports about a message may come so much later than the end of its reply window. */
const LATE_REPORTS: Milliseconds = HOUR;
/** Contacts read from the database at once. */
const CONTACTS_AT_ONCE = 100;
/** The pages of one sweep: 100,000 messages. */
const MOST_PAGES = 1_000;

/** What polling needs. */
export interface Polling {
  clock: Clock;
  watcher: Watcher;
  replies: Replies;
  intake: Receiver;
  /** Told once, until it works again. */
  trouble(reason: string): void;
  /** Told of each event that may mean something and cannot be read, once. */
  strange?(event: StrangeEvent): void;
}

/**
 * Asks the provider, again and again until stopped, how far the messages of the last day are, and what the contacts have written whose
 * 24 h are not over. What it lists goes the same way as what a webhook reports; what was seen before is known by its key.
 */
export async function poll(polling: Polling, stop: AbortSignal): Promise<void> {
  const { clock, trouble } = polling;
  let told = false;
  while (!stop.aborted) {
    const problem = await sweep(polling, stop).catch((error) => String(error instanceof Error ? error.message : error));
    if (problem !== null && !told) trouble(problem);
    told = problem !== null;
    await clock.sleep(clock.now() + (problem === null ? BETWEEN_SWEEPS : AFTER_PROBLEM), stop);
  }
}

/** One round; null, or why it ended early. */
async function sweep(polling: Polling, stop: AbortSignal): Promise<string | null> {
  const { clock, watcher, replies } = polling;
  const begin = clock.now();
  for (let page = 0; page < MOST_PAGES && !stop.aborted; page += 1) {
    const taken = await take(polling, await watcher.deliveries(begin - REPLY_WINDOW - LATE_REPORTS, page), stop);
    if ('problem' in taken) return `the state of the messages cannot be read: ${taken.problem}`;
    if (!taken.more) break;
  }
  const asked = new Set<string>();
  for (let after = 0; !stop.aborted; ) {
    const contacts = await replies.openContacts(after, CONTACTS_AT_ONCE, begin);
    for (const name of contacts.flatMap(({ phone, aliases = [] }) => [phone, ...aliases])) {
      if (stop.aborted) return null;
      if (name === '' || asked.has(name)) continue;
      asked.add(name);
      const taken = await take(polling, await watcher.chat(name), stop);
      if ('problem' in taken) return `replies cannot be read (not every plan lets them): ${taken.problem}`;
    }
    const last = contacts.at(-1);
    if (last === undefined) return null;
    after = last.message;
  }
  return null;
}

/** Replies to what was sent before this day belong to no campaign: only what is younger is taken, or every sweep would bring it anew. */
async function take({ clock, intake, strange }: Polling, listed: Listed, stop: AbortSignal): Promise<Listed> {
  if (!('problem' in listed)) {
    const oldest = clock.now() - REPLY_WINDOW - LATE_REPORTS;
    for (const one of listed.strange ?? []) strange?.(one);
    await intake.take(listed.facts.filter(({ kind, at }) => kind === 'delivery' || at >= oldest));
  }
  await clock.sleep(clock.now() + BETWEEN_CALLS, stop);
  return listed;
}
