import { type EpochMs, MINUTE, type Milliseconds, SECOND } from './units.ts';

/** A message that the provider surely accepted, so that its list must show it. */
export interface Control {
  reference: string;
  phone: string;
  /** Null: on whichever line. */
  line: string | null;
  /** When it was accepted at the earliest: what was answered late must not seem to be listed early. 0 where nobody knows. */
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
/** A call may be on its way for this share of the look-up time after nobody waits for its answer any more. */
const ARRIVES_WITHIN = 0.5;
/** In a list that is up to date a message is looked for this many look-up times, where it must grow old enough to be missed there. */
const WORTH_WAITING = 18;

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

/** Whether this run knows by itself what the list must show; else what was accepted before it is needed, too. */
export function suffices(knowledge: ListKnowledge, now: EpochMs): boolean {
  return ownOf(knowledge, now).length > 0;
}

/**
 * What the list must show now to be called up to date: the latest messages that are old enough by the lateness seen so far, of this run where
 * there are any (the provider may not list old ones for ever); the same ones more than once where there are few. Empty: nothing is known that it
 * must show.
 */
export function controlsOf(knowledge: ListKnowledge, now: EpochMs): Control[] {
  const { accepted, earlier, lag } = knowledge;
  const own = ownOf(knowledge, now);
  // Accepted in the future: the clock was set back since, and nobody knows how long ago it was.
  const all = [...accepted, ...(earlier ?? [])].map((control) => (control.at > now ? { ...control, at: 0 } : control));
  const due = own.length > 0 ? own : all.filter(({ at }) => isDue(at, lag, now));
  const latest = due.sort((a, b) => b.at - a.at).slice(0, ASKED);
  return latest.length === 0 ? [] : Array.from({ length: ASKED }, (_, i) => latest[i % latest.length] as Control);
}

/** What was accepted in this run, at a time that is known, and must be listed by now. */
function ownOf({ accepted, lag }: ListKnowledge, now: EpochMs): Control[] {
  return accepted.filter(({ at }) => at > 0 && isDue(at, lag, now));
}

function isDue(at: EpochMs, lag: Milliseconds, now: EpochMs): boolean {
  return at <= now && now - at >= OLD_ENOUGH * lag;
}

/** How a message has been looked for. Durations are what was waited, so that no step of the clock makes them longer. */
export interface Search {
  /** How old it was at least when the search began; null when nobody knows (no run had the campaign before). */
  ageMs: Milliseconds | null;
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
  { ageMs, waitedMs, upToDate }: Search,
  { lag }: ListKnowledge,
  lookupMs: Milliseconds,
): 'yes' | 'later' | 'no' {
  if (upToDate === null) return 'no';
  // A call that was not answered may arrive a little later than it was given up.
  const age = ageMs === null ? Number.POSITIVE_INFINITY : ageMs + waitedMs - ARRIVES_WITHIN * lookupMs;
  const isOldEnough = age >= Math.min(upToDate.shownAt, SURELY_LISTED) && waitedMs >= OLD_ENOUGH * lag;
  if (isOldEnough && upToDate.forMs >= lookupMs) return 'yes';
  return upToDate.shownAt - age <= WORTH_WAITING * lookupMs - waitedMs ? 'later' : 'no';
}
