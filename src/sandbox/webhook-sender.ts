import type { EpochMs, Milliseconds } from '../core/units.ts';
import { HOUR, SECOND } from '../core/units.ts';
import type { ContactEvent } from './events.ts';
import type { Wording } from './faults.ts';
import type { SandboxStore } from './store.ts';
import { webhookBody } from './webhook-body.ts';

/** The provider waits about so long for an answer. */
const ANSWER_WITHIN: Milliseconds = 10 * SECOND;
/** Waits after a call that was not answered well: doubled each time from the first to the longest. */
const FIRST_WAIT: Milliseconds = 200;
const LONGEST_WAIT: Milliseconds = 10 * SECOND;
/** The provider repeats for about 24 h; here an hour is a minute. */
const GIVE_UP_AFTER: Milliseconds = (24 * HOUR) / 60;
/** Calls in flight at once. */
const AT_ONCE = 16;

/** Tells a webhook of events when their time comes. */
export interface Teller {
  /** Takes events over, which are in the store already. */
  tell(events: ContactEvent[]): void;
  /** Since the start, except `waiting`: events that the webhook has yet to be told of. */
  read(): TellerStatistics;
  /** Makes no more calls. Events that were not reported stay in the store. */
  close(): void;
}

/** What a webhook was told, and how it took it. */
export interface TellerStatistics {
  /** Calls that were answered well, by kind of event; a repeated call counts again. */
  told: Partial<Record<ContactEvent['kind'], number>>;
  /** Calls that were not answered, or with a status other than 200 to 209. */
  refused: number;
  givenUp: number;
  waiting: number;
}

/** What is to be told of one number, in the order of its times. */
interface Line {
  entries: { event: ContactEvent; dueAt: EpochMs }[];
  /** What is due no later than this may be told: timers may fire in another order than they were set for. */
  dueUntil: EpochMs;
  isBusy: boolean;
}

/** Starts telling `url`. Events about one number are told one after another, except where one is held back or has to be repeated. */
export function startTelling(url: string, store: SandboxStore, { now, wording }: { now: () => EpochMs; wording: () => Wording }): Teller {
  const statistics: Omit<TellerStatistics, 'waiting'> = { told: {}, refused: 0, givenUp: 0 };
  const closing = new AbortController();
  const timers = new Set<NodeJS.Timeout>();
  const lines = new Map<string, Line>();
  const ready = new Set<Line>();
  const failures = new Map<string, number>();
  let inFlight = 0;
  let waiting = 0;

  const later = (event: ContactEvent, dueAt: EpochMs) => {
    if (closing.signal.aborted) return;
    const line = lines.get(event.phone) ?? { entries: [], dueUntil: 0, isBusy: false };
    lines.set(event.phone, line);
    line.entries.splice(line.entries.findLastIndex((entry) => entry.dueAt <= dueAt) + 1, 0, { event, dueAt });
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        line.dueUntil = Math.max(line.dueUntil, dueAt);
        ready.add(line);
        startNext();
      },
      Math.max(0, dueAt - now()),
    );
    timers.add(timer);
  };

  const startNext = () => {
    for (const line of ready) {
      if (inFlight >= AT_ONCE || closing.signal.aborted) return;
      if (line.isBusy) continue;
      const [next] = line.entries;
      if (next === undefined || next.dueAt > line.dueUntil) {
        ready.delete(line);
        continue;
      }
      line.entries.shift();
      line.isBusy = true;
      inFlight++;
      settle(next.event).finally(() => {
        line.isBusy = false;
        inFlight--;
        if (line.entries.length === 0) lines.delete(next.event.phone);
        startNext();
      });
    }
  };

  const settle = async (event: ContactEvent) => {
    const answered = await call(event).catch(() => false);
    if (closing.signal.aborted) return;
    if (answered) statistics.told[event.kind] = (statistics.told[event.kind] ?? 0) + 1;
    else {
      statistics.refused++;
      const nth = (failures.get(event.id) ?? 0) + 1;
      failures.set(event.id, nth);
      if (now() - event.callAt < GIVE_UP_AFTER) return later(event, now() + waitAfter(nth));
      statistics.givenUp++;
    }
    failures.delete(event.id);
    waiting--;
    // A store that cannot take it down will have the event told again after a restart, which is what webhooks are like.
    await store.events.told(event.id).catch(() => undefined);
    if (event.calls > 1) tell([{ ...event, calls: event.calls - 1 }]);
  };

  const call = async (event: ContactEvent): Promise<boolean> => {
    const body = JSON.stringify(webhookBody(event, await store.find(event.message), wording()));
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(ANSWER_WITHIN)]);
    const headers = { 'content-type': 'application/json', 'user-agent': 'wsend-sandbox' };
    const answer = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
    await answer.arrayBuffer();
    return answer.status >= 200 && answer.status <= 209;
  };

  const tell = (events: ContactEvent[]) => {
    for (const event of events) {
      if (event.calls === 0) continue;
      waiting++;
      later(event, event.callAt);
    }
  };

  return {
    tell,
    read: () => ({ ...statistics, told: { ...statistics.told }, waiting }),
    close() {
      closing.abort();
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** How long to wait after the `nth` call that failed (from 1). */
export function waitAfter(nth: number): Milliseconds {
  return Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(nth - 1, 20));
}
