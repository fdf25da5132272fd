import { type EpochMs, MINUTE, type Milliseconds, SECOND } from './units.ts';

/** A message that the provider surely accepted, so that its list must show it. */
export interface Control {
  reference: string;
  phone: string;
  /** Null: on whichever line. */
  line: string | null;
  /** When it was accepted at the earliest: what was answered late must not seem to be listed early. */
  at: EpochMs;
}

/**
 * What a run knows of the provider's list: what it must show, and how late it has been seen to show it. That something is missing there proves
 * nothing by itself: the list may lag, lose some, or be empty.
 */
export interface ListKnowledge {
  /** Accepted in this run, or found by it, as it came: one a second at most, and a limited number. */
  accepted: Control[];
  /** Accepted before it, as the database says, latest first; null until somebody asks. */
  earlier: Control[] | null;
  /** The greatest age at which something that was accepted in this run was not listed. */
  lag: Milliseconds;
}

/** Of those accepted, how many are kept: more than a minute's. */
const KEPT = 90;
/** How many of them a list must show to be called up to date: a list that loses some at random seldom shows them all, time and again. */
const ASKED = 3;
/** What is expected to be listed is this many times as old as anything that was missed: lateness varies. */
const OLD_ENOUGH = 2;
/** From this age on, whatever is listed tells that a message would be. */
const SURELY_LISTED: Milliseconds = 10 * MINUTE;
/** A list that is up to date is worth this much longer a search, where a message must grow old enough to be missed in it. */
const WORTH_WAITING: Milliseconds = 3 * MINUTE;

/** Nothing is known yet. */
export function knowNothing(): ListKnowledge {
  return { accepted: [], earlier: null, lag: 0 };
}

/** Takes a message down that was accepted. Changes the knowledge in place: it is called for every send. */
export function remember({ accepted }: ListKnowledge, control: Control): void {
  const last = accepted.at(-1);
  if (last !== undefined && control.at >= last.at && control.at - last.at < SECOND) return;
  accepted.push(control);
  if (accepted.length > KEPT) accepted.shift();
}

/** Something that was accepted in this run was not listed at that age. */
export function missed(knowledge: ListKnowledge, age: Milliseconds): void {
  knowledge.lag = Math.max(knowledge.lag, age);
}

/**
 * What the list must show now to be called up to date: the latest messages that are old enough by the lateness seen so far, of this run where
 * there are any; the same ones more than once where there are few. Empty: nothing is known that it must show.
 */
export function controlsOf({ accepted, earlier, lag }: ListKnowledge, now: EpochMs): Control[] {
  const own = accepted.filter(({ at }) => at <= now && now - at >= OLD_ENOUGH * lag).sort((a, b) => b.at - a.at);
  const latest = (accepted.length > 0 ? own : (earlier ?? [])).slice(0, ASKED);
  return latest.length === 0 ? [] : Array.from({ length: ASKED }, (_, i) => latest[i % latest.length] as Control);
}

/** How a message has been looked for. Durations are what was waited, so that no step of the clock makes them longer. */
export interface Search {
  /** When it may have been accepted at the latest: undefined when the search began, null when nobody knows (at about the time of what was accepted last). */
  since: EpochMs | null | undefined;
  /** For how long it has been looked for. */
  waitedMs: Milliseconds;
  /** The list, as long as it has shown what it must without a break; null when it does not. */
  upToDate: UpToDate | null;
}

/** A list that shows what it must. */
export interface UpToDate {
  /** For how long. */
  forMs: Milliseconds;
  /** The least age at which something that was accepted was listed meanwhile: the list is no later than that. */
  shownAt: Milliseconds;
}

/**
 * Whether that a message is not listed proves that it was not accepted. It does where the message was looked for over `lookupMs` in a list that
 * showed all that time what it must, and is by now older than something that was listed, and much older than anything that was not. `later`:
 * not yet, and it is worth waiting for.
 */
export function provesAbsence(
  { since, waitedMs, upToDate }: Search,
  { lag }: ListKnowledge,
  { lookupMs, now }: { lookupMs: Milliseconds; now: EpochMs },
): 'yes' | 'later' | 'no' {
  if (upToDate === null) return 'no';
  const age = since === null ? Number.POSITIVE_INFINITY : Math.max(waitedMs, since === undefined ? 0 : now - since);
  const isOldEnough = age >= Math.min(upToDate.shownAt, SURELY_LISTED) && waitedMs >= OLD_ENOUGH * lag;
  if (isOldEnough && upToDate.forMs >= lookupMs) return 'yes';
  return upToDate.shownAt - age <= WORTH_WAITING - waitedMs ? 'later' : 'no';
}
