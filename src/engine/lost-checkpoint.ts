import { BEFORE_ALL, type Recipient } from '../core/campaign.ts';
import { doubtNote } from '../core/note.ts';
import type { Policy } from '../core/policy.ts';
import type { Progress } from '../core/progress.ts';
import { formatCount, type Milliseconds, SECOND } from '../core/units.ts';
import type { Recovered, Result } from '../ports.ts';
import { namesOf } from './doubt.ts';
import { address } from './envelope.ts';
import { lookUpAll } from './look-up.ts';
import { UNWRITTEN_LIMIT, WRITE_LAG } from './outbox.ts';
import type { RunParts } from './run.ts';
import type { TakeUp } from './take-up.ts';

/** Recipients that any run may have had under way at once: calls, look-ups, and such as were put back. */
const UNDER_WAY = 64;
/** Rows read at a time to find them. */
const PAGE = 500;

/**
 * What a store may lose that was restarted or replaced by its replica: Redis syncs its append-only file every second and may be one late
 * (appendfsync everysec, https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/), and a replica lags less than that.
 */
const FORGETS: Milliseconds = 3 * SECOND;

/**
 * The campaign had begun, and its checkpoint is gone, is out of date or may have lost its last seconds: the first pending recipients that it
 * does not know of may have been sent, as many as can have been in that time. They are looked up before anything is sent; those that carry a
 * note of ours are looked up when their turn comes.
 *
 * Only who would be sent to is counted. Those who opted out, or have no number, may lie in any number before the last that was sent, and the
 * notes that say so may be lost like the rest.
 *
 * The same where the database went back in time (a backup, a fail-over) and has fewer outcomes than the checkpoint counted: they are among the
 * first that are pending there again.
 */
export async function lookUpWhatMayBeSent(parts: RunParts, { found, progress, begun }: TakeUp): Promise<void> {
  const { campaign, recipients, report, clock } = parts;
  const missing = missingIn(progress, found);
  if (missing === 0 && !(begun && (found.header === null || found.mayHaveForgotten))) return;
  const policy = parts.policy();
  await parts.optOuts.read(clock.now());
  const suspects = await firstUnmarked(parts, howMany(found, policy, missing), knownTo(found));
  if (suspects.length === 0) return;
  const why =
    missing > 0
      ? `has ${formatCount(missing, 'outcome')} fewer in the database than its checkpoint counted (the database went back in time)`
      : found.header === null
        ? 'was begun, but the checkpoint of its last run is not here'
        : 'has a checkpoint that may have lost its last seconds (Redis was restarted)';
  const whom = `its first ${formatCount(suspects.length, 'pending recipient')}`;
  report.tell({ type: 'notice', level: 'warning', text: `campaign ${campaign.id} ${why}: looking up ${whom} at the provider` });
  const wanted = suspects.map((recipient) => ({ ...address(parts, { recipient, attempts: recipient.attempts }).claim, line: null }));
  const findings = await lookUpAll({ ...parts, lookupMs: policy.lookupMs }, wanted);
  const at = clock.now();
  await recipients.record(
    campaign.id,
    findings.flatMap((finding, i): Result[] => {
      const claim = wanted[i] as (typeof wanted)[number];
      const done = { message: claim.message, at, attempts: claim.attempt };
      if (finding.kind === 'absent') return [];
      if (finding.kind !== 'found') return [{ kind: 'marked', ...done, attempts: claim.attempt - 1, note: doubtNote(finding.reason) }];
      const names = namesOf(finding);
      return [finding.failure === null ? { kind: 'sent', ...done, ...names } : { kind: 'failed', ...done, ...finding.failure, ...names }];
    }),
  );
}

/**
 * How many outcomes the database has lost since the checkpoint counted them. What the checkpoint had for it, it had got when it was counted;
 * should another run have sent since, too many are looked up, never too few.
 */
function missingIn({ sent, failed }: Progress, { counted }: Recovered): number {
  return counted === null ? 0 : Math.max(0, counted.sent + counted.failed - sent - failed);
}

/** How many may have been sent that the checkpoint does not know of, or the database no more. */
function howMany({ header, mayHaveForgotten }: Recovered, { bounds, concurrency }: Policy, missing: number): number {
  const sentIn = (time: Milliseconds) => Math.min(UNWRITTEN_LIMIT, Math.ceil(time / Math.max(1, bounds.minDelayMs)));
  const forgotten = mayHaveForgotten ? concurrency + sentIn(FORGETS) : 0;
  const unknown = header === null || missing > 0 ? Math.max(UNDER_WAY, 6 * concurrency) + sentIn(WRITE_LAG + SECOND) : 0;
  return missing + Math.max(forgotten, unknown);
}

/** What the checkpoint knows is dealt with by what it knows. */
function knownTo({ claims, doubts, retries }: Recovered): Set<number> {
  return new Set([...claims, ...doubts, ...retries].map(({ message }) => message));
}

/**
 * The first pending recipients without a note of ours that the checkpoint does not know of: so many that would be sent to, and at most as many
 * who want no messages now (they may have said so to the very message).
 */
async function firstUnmarked(parts: RunParts, count: number, known: Set<number>): Promise<Recipient[]> {
  const { campaign, recipients, optOuts } = parts;
  const [wanted, optedOut]: [Recipient[], Recipient[]] = [[], []];
  for (let after = BEFORE_ALL; wanted.length < count; ) {
    const page = await recipients.pending(campaign.id, after, PAGE);
    for (const recipient of page) {
      if (recipient.marked || recipient.skipped || known.has(recipient.message)) continue;
      const { problem, claim } = address(parts, { recipient, attempts: recipient.attempts });
      if (problem === null) (optOuts.has(claim.phone) ? optedOut : wanted).push(recipient);
    }
    after = page.at(-1)?.message ?? after;
    if (page.length < PAGE) break;
  }
  return [...wanted.slice(0, count), ...optedOut.slice(0, count)];
}
