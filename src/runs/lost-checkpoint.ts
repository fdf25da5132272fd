import { BEFORE_ALL, type Recipient } from '../core/campaign.ts';
import { doubtNote } from '../core/note.ts';
import type { Policy } from '../core/policy.ts';
import type { Progress } from '../core/progress.ts';
import { formatCount, type Milliseconds, SECOND } from '../core/units.ts';
import { EXIT, UserError } from '../errors.ts';
import { byEarlierRun, meansOf, namesOf, sentAt } from '../loop/doubt.ts';
import { lookUpAll } from '../loop/look-up.ts';
import { UNWRITTEN_LIMIT, WRITE_LAG } from '../loop/outbox.ts';
import type { RunParts } from '../loop/parts.ts';
import { prepareMessage } from '../loop/prepare-message.ts';
import type { Result } from '../ports/campaign-store.ts';
import type { Recovered } from './recover.ts';

/** Recipients that any run may have had under way at once: in a call, in a look-up, or returned to the queue. */
const UNDER_WAY = 64;
/** Rows read at a time to find them. */
const PAGE = 500;

/**
 * What a store may lose that was restarted or replaced by its replica: Redis syncs its append-only file every second and may be one late
 * (appendfsync everysec, https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/), and a replica lags less than that.
 */
const FORGETS: Milliseconds = 3 * SECOND;

/**
 * What was found is not all that the last run knew (`trusted` is false), it may have lost its last seconds, or it counts outcomes that the database
 * no longer has: the first pending recipients that it does not know of may have been sent, as many as can have been in that time. They are
 * looked up before anything is sent, and the next ones while any of them is found; those that carry a note of ours are looked up when their turn comes.
 *
 * Outcomes and waits for a retry in a checkpoint that is not trusted are looked up too: another run, or a copy of this database, may have made them.
 *
 * Only who would be sent to is counted. Those who opted out, or have no number, may lie in any number before the last that was sent, and the
 * notes that say so may be lost like the rest.
 */
export async function lookUpWhatMayBeSent(parts: RunParts, found: Recovered, progress: Progress): Promise<void> {
  const { campaign, report, clock } = parts;
  const missing = await missingIn(parts, progress, found);
  if (found.trusted && !found.mayHaveForgotten && missing === 0) return;
  if (missing > 0) parts.lease.wentBack();
  const policy = parts.policy();
  await parts.optOuts.read(clock.now());
  const count = howMany(found, policy, missing);
  const seen = new Set<number>();
  for (;;) {
    const suspects = await suspectsOf(parts, found, { count, seen });
    if (suspects.length === 0) return;
    const whom = `${seen.size === 0 ? 'its first' : 'the next'} ${formatCount(suspects.length, 'pending recipient')}`;
    const { name, lookUp: asked } = parts.line.provider;
    const what = asked === null ? `${name} cannot be asked about ${whom}: they are in doubt` : `looking up ${whom} at the provider`;
    const text = `campaign ${campaign.id} ${reasonFor(found, missing)}: ${what}`;
    report.tell({ type: 'notice', level: 'warning', text });
    // Where some were sent, more may have been than anybody reckoned with.
    if ((await lookUp(parts, suspects, policy)) === 0) return;
    for (const { message } of suspects) seen.add(message);
  }
}

/** Looks recipients up and records what is found; resolves to how many were sent. */
async function lookUp(parts: RunParts, suspects: Recipient[], policy: Policy): Promise<number> {
  const { campaign, recipients, clock } = parts;
  const wanted = suspects.map((recipient) => ({
    ...prepareMessage(parts, { recipient, attempts: recipient.attempts }).claim,
    ...byEarlierRun(parts),
  }));
  const findings = await lookUpAll(meansOf(parts, policy), wanted);
  const barred = findings.find((finding) => finding.kind === 'barred');
  if (barred !== undefined)
    throw new UserError(`whom an earlier run may have sent to cannot be looked up: ${barred.reason}`, {
      exitCode: EXIT.barred,
      next: 'See the key and the plan at the provider: it must let the key read messages.',
    });
  const at = clock.now();
  await recipients.record(
    campaign.id,
    findings.flatMap((finding, i): Result[] => {
      const claim = wanted[i] as (typeof wanted)[number];
      const done = { message: claim.message, at, attempts: claim.attempt };
      if (finding.kind === 'absent') return [];
      if (finding.kind !== 'found') return [{ kind: 'marked', ...done, attempts: claim.attempt - 1, note: doubtNote(finding.reason) }];
      const names = namesOf(finding);
      if (finding.failure === null) parts.persons.hold(claim.phone, claim.message);
      const sent = { ...done, ...sentAt(finding, at) };
      return [finding.failure === null ? { kind: 'sent', ...sent, ...names } : { kind: 'failed', ...done, ...finding.failure, ...names }];
    }),
  );
  return findings.filter(({ kind }) => kind === 'found').length;
}

function reasonFor({ trusted, header }: Recovered, missing: number): string {
  if (missing > 0)
    return `has ${formatCount(missing, 'outcome')} fewer in the database than its checkpoint counted (the database went back in time)`;
  if (trusted) return 'has a checkpoint that may have lost its last seconds (Redis was restarted)';
  return header === null
    ? 'was begun, but the checkpoint of its last run is not here'
    : 'has a checkpoint here that is not the one of its last run (another store, or a restored or copied database)';
}

/**
 * How many outcomes the database has lost since the checkpoint counted them. What the checkpoint had for it, it had got when it was counted;
 * should another run have sent since, too many are looked up, never too few.
 */
async function missingIn({ campaign, everyone }: RunParts, { sent, failed }: Progress, found: Recovered): Promise<number> {
  const { counted, trusted, outcomes } = found;
  if (counted === null) return 0;
  // Those that were counted and are not for this run to store are not lost: they are looked up by what they say.
  const ids = outcomes.map(({ message }) => message);
  const unstored = trusted || ids.length === 0 ? 0 : (await everyone.stillPending(campaign.id, ids)).length;
  return Math.max(0, counted.sent + counted.failed - sent - failed - unstored);
}

/** How many may have been sent that the checkpoint does not know of, or the database no more. */
function howMany({ trusted, mayHaveForgotten }: Recovered, { bounds, concurrency }: Policy, missing: number): number {
  const sentIn = (time: Milliseconds) => Math.min(UNWRITTEN_LIMIT, Math.ceil(time / Math.max(1, bounds.minDelayMs)));
  const forgotten = mayHaveForgotten ? concurrency + sentIn(FORGETS) : 0;
  const unknown = !trusted || missing > 0 ? Math.max(UNDER_WAY, 6 * concurrency) + sentIn(WRITE_LAG + SECOND) : 0;
  return missing + Math.max(forgotten, unknown);
}

/**
 * The first pending recipients without a note of ours: as many that would be sent to as may have been, and at most as many who want no messages
 * now (they may have said so to the very message). Claims and doubts are left out: they are looked up by what they say. Of a checkpoint that
 * is not trusted, all whom it knows of are suspects, too: another run may have sent to them since, on another line or with another text.
 */
async function suspectsOf(
  parts: RunParts,
  found: Recovered,
  { count, seen }: { count: number; seen: ReadonlySet<number> },
): Promise<Recipient[]> {
  const { campaign, everyone, optOuts } = parts;
  const { trusted, claims, doubts, retries, outcomes } = found;
  const named = trusted ? [] : [...claims, ...doubts, ...retries, ...outcomes].map(({ message }) => message);
  const suspects = seen.size > 0 ? [] : await everyone.stillPending(campaign.id, named);
  const known = new Set([...claims, ...doubts, ...retries, ...outcomes].map(({ message }) => message));
  const [wanted, optedOut]: [Recipient[], Recipient[]] = [[], []];
  for (let after = BEFORE_ALL; wanted.length < count; ) {
    const page = await everyone.pending(campaign.id, after, PAGE);
    for (const recipient of page) {
      if (recipient.marked || recipient.skipped || known.has(recipient.message) || seen.has(recipient.message)) continue;
      const { problem, claim } = prepareMessage(parts, { recipient, attempts: recipient.attempts });
      if (problem === null) (optOuts.has(claim.phone) ? optedOut : wanted).push(recipient);
    }
    after = page.at(-1)?.message ?? after;
    if (page.length < PAGE) break;
  }
  return [...suspects, ...wanted.slice(0, count), ...optedOut.slice(0, count)];
}
