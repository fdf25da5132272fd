import {
  type Control,
  controlsOf,
  type ListKnowledge,
  missed,
  provesAbsence,
  remember,
  suffices,
  type UpToDate,
} from '../core/list-knowledge.ts';
import type { Finding } from '../core/outcome.ts';
import type { EpochMs, Milliseconds } from '../core/units.ts';
import type { Clock } from '../ports/clock.ts';

/**
 * Shares of the look-up time between one look and the next: soon, because most answers are lost after acceptance, and last at the very end.
 * Each is waited by itself, and what was waited is measured, so that a clock that is set forward does not make the whole shorter.
 */
const WAITS = [0, 0.2, 0.3, 0.5];
/** Where the list is not known to be up to date, it is looked on for this many times the look-up time: a list that lags catches up. */
const PATIENCE = 3;
/** Questions in flight at once. */
const AT_ONCE = 4;

/** What is looked up: our reference, and the number and line that it went to. */
export interface Wanted {
  reference: string;
  phone: string;
  /** Null when only the database knows of the message: which line it went on is not written there. */
  line: string | null;
}

/** The same, with what is known of when it may have been accepted. */
export interface Sought extends Wanted {
  /** How long ago that was at least; null when nobody knows, and 0 where it is missing. */
  ageMs?: Milliseconds | null;
  /** At the earliest: when it was claimed. Missing where nobody knows. */
  claimedAt?: EpochMs;
}

/** What a look-up takes. */
export interface Means {
  /** One question, asked at the provider's pace. Rejects once the signal is aborted. */
  lookUp: (wanted: Wanted, stop?: AbortSignal) => Promise<Finding>;
  clock: Clock;
  /** How long a reference is looked for before it counts as absent: a setting. */
  lookupMs: Milliseconds;
  /** What is known of the list; a look-up adds to it. */
  list: ListKnowledge;
  /** Reads what the database has as accepted before this run; called when nothing else is known. */
  readEarlier: () => Promise<ListKnowledge['earlier']>;
}

/**
 * Looks references up several times over `lookupMs`, because it is not known how soon an accepted message is listed. A `found` is final at
 * once, and so are barred and unaskable; absent only when the last look says so in a list that is proven to be up to date (list-knowledge); unsure when the last
 * look cannot tell, or when `abandon` was aborted before it.
 */
export async function lookUpAll(means: Means, wanted: Sought[], abandon?: AbortSignal): Promise<Finding[]> {
  const { clock, lookupMs, list } = means;
  const begun = clock.now();
  const search: Search[] = wanted.map((one) => ({ ...one, ageMs: one.ageMs === undefined ? 0 : one.ageMs, absentAt: null }));
  const findings: Finding[] = wanted.map(() => ABANDONED);
  const isOpen = (i: number) => !isFinal(findings[i]);
  let open = [...wanted.keys()];
  const start = clock.uptime();
  let upToDate = null as UpToDate | null;
  let upToDateSince = 0;
  for (let round = 0; open.length > 0; round += 1) {
    const waitMs = Math.ceil((WAITS[round] ?? 0.5) * lookupMs);
    await clock.sleep(clock.now() + waitMs, abandon);
    if (abandon?.aborted) break;
    const waitedMs = Math.round(clock.uptime() - start);
    await askAll(means, { open, search, findings }, abandon);
    open = open.filter(isOpen);
    const shownAt = open.some((i) => findings[i]?.kind === 'absent') ? await latestShown(means, begun + waitedMs, abandon) : null;
    if (shownAt === null) upToDate = null;
    else {
      if (upToDate === null) upToDateSince = waitedMs;
      upToDate = { forMs: waitedMs - upToDateSince, shownAt: Math.min(upToDate?.shownAt ?? shownAt, shownAt) };
    }
    // Many take so long to ask for that a round or two are enough.
    if (waitedMs < lookupMs) continue;
    // Whoever cannot be told of stays so; who is not listed is looked for until that proves something.
    const isOver = waitedMs >= PATIENCE * lookupMs;
    open = open.filter((i) => {
      if (findings[i]?.kind !== 'absent') return false;
      const proof = provesAbsence({ ageMs: (search[i] as Search).ageMs, waitedMs, upToDate }, list, lookupMs);
      if (proof === 'yes') return false;
      if (isOver && proof === 'no') findings[i] = UNPROVEN;
      return !isOver || proof === 'later';
    });
  }
  const isSettled = (i: number) => isFinal(findings[i]) || !open.includes(i);
  return abandon?.aborted ? findings.map((finding, i) => (isSettled(i) ? finding : ABANDONED)) : findings;
}

/** What is searched for, and when it was last not listed. */
interface Search extends Sought {
  ageMs: Milliseconds | null;
  absentAt: EpochMs | null;
}

/** Asks for all that is open, a few at a time. What is found tells of the list: that it must show it, and how late it does. */
async function askAll(
  { lookUp, clock, list }: Means,
  { open, search, findings }: { open: number[]; search: Search[]; findings: Finding[] },
  abandon: AbortSignal | undefined,
): Promise<void> {
  const left = [...open];
  const ask = async () => {
    for (let i = left.pop(); i !== undefined && !abandon?.aborted; i = left.pop()) {
      const one = search[i] as Search;
      const { reference, phone, line } = one;
      const at = clock.now();
      const finding = await asked(lookUp({ reference, phone, line }, abandon), abandon);
      if (finding.kind === 'found') {
        const acceptedAt = one.claimedAt ?? acceptedFrom(finding, clock.now()) ?? 0;
        if (one.absentAt !== null && acceptedAt > 0) missed(list, one.absentAt - acceptedAt);
        remember(list, { reference, phone, line, at: acceptedAt });
      }
      if (finding.kind === 'absent') one.absentAt = at;
      findings[i] = finding;
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, left.length) }, ask));
}

/** When a message was accepted at the earliest, by what the provider says; null where it does not. */
export function acceptedFrom({ ageMs }: Extract<Finding, { kind: 'found' }>, now: EpochMs): EpochMs | null {
  return ageMs === undefined ? null : now - ageMs;
}

/**
 * The age of the latest message that the list must show, if it shows all of these; null when it does not, or cannot tell. A clock that was set back
 * since the search began makes it no younger: it is `leastNow` at least.
 */
async function latestShown(
  { lookUp, clock, list, readEarlier }: Means,
  leastNow: EpochMs,
  abandon: AbortSignal | undefined,
): Promise<Milliseconds | null> {
  const ageOf = ({ at }: Control) => Math.max(clock.now(), leastNow) - at;
  if (!suffices(list, clock.now())) list.earlier ??= await readEarlier();
  const controls = controlsOf(list, clock.now());
  const ages: Milliseconds[] = [];
  for (const control of controls) {
    const { at, ...wanted } = control;
    const age = ageOf(control);
    const finding = await asked(lookUp(wanted, abandon), abandon);
    if (finding.kind === 'absent' && at > 0 && list.accepted.some(({ reference }) => reference === wanted.reference)) missed(list, age);
    if (finding.kind !== 'found') return null;
    // The clock of another machine may have dated it: where the provider says how old it is, it is no younger than that.
    ages.push(Math.max(ageOf(control), finding.ageMs ?? 0));
  }
  return ages.length === 0 ? null : Math.min(...ages);
}

/** An answer, or ABANDONED when the signal came first. */
function asked(answer: Promise<Finding>, abandon: AbortSignal | undefined): Promise<Finding> {
  return answer.catch((error) => {
    if (abandon?.aborted) return ABANDONED;
    throw error;
  });
}

function isFinal(finding: Finding | undefined): finding is Finding {
  return finding !== undefined && finding.kind !== 'absent' && finding.kind !== 'unsure';
}

/** Looks up one reference; see lookUpAll. */
export async function lookUpReference(means: Means, wanted: Sought, abandon?: AbortSignal): Promise<Finding> {
  const [finding] = await lookUpAll(means, [wanted], abandon);
  return finding ?? ABANDONED;
}

const ABANDONED: Finding = { kind: 'unsure', reason: 'the run was stopped while it was looked up', reachable: true };
const UNPROVEN: Finding = {
  kind: 'unsure',
  reason: 'the provider does not list it, but its list is not known to be up to date',
  reachable: true,
};
