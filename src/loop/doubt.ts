import { type Claim, campaignName } from '../core/checkpoint.ts';
import { doubtNote, retryNote, SENT_SOMETIME, UNCONFIRMED } from '../core/note.ts';
import type { Finding, Outcome } from '../core/outcome.ts';
import type { Policy } from '../core/policy.ts';
import { mayRetry, retryWait } from '../core/retry-policy.ts';
import type { EpochMs } from '../core/units.ts';
import { move } from './account.ts';
import { stopRun } from './course.ts';
import { restUnreachable } from './line.ts';
import { acceptedFrom, lookUpReference, type Means, type Sought } from './look-up.ts';
import type { LeftInDoubt, PreparedMessage, Run, RunParts } from './parts.ts';
import { controlOf } from './prepare-message.ts';
import { isReported } from './reported.ts';
import { putBack, settle } from './settle.ts';

/** An attempt whose outcome is unknown. */
export interface UnknownAttempt {
  claim: Claim;
  outcome: Extract<Outcome, { kind: 'unknown' }>;
}

/**
 * Never a blind resend: looks the reference up and settles the recipient by what is found, or by what a report has said meanwhile. `attempt` is the one that got no answer, or null
 * when the database says that some earlier run was not sure.
 */
export async function settleByLookUp(run: Run, message: PreparedMessage, attempt: UnknownAttempt | null): Promise<void> {
  run.lookUps.underWay += 1;
  let finding: Finding;
  try {
    finding = await lookUpReference(
      meansOf(run, run.batches.policy),
      { ...message.claim, ...(attempt === null ? byEarlierRun(run) : { claimedAt: attempt.claim.at }) },
      run.course.stopping.signal,
    );
  } finally {
    run.lookUps.underWay -= 1;
  }
  if (finding.kind !== 'found' && (await isReported(run, message))) return;
  if (finding.kind === 'absent')
    return attempt === null || attempt.outcome.offline ? putBack(run, message, run.clock.now()) : tryAgain(run, message, attempt);
  const { claim, outcome } = attempt ?? {};
  // An attempt that met a line which was offline counts as none.
  return settleByFinding(run, message, finding, claim, outcome?.offline ? message.queued.attempts : claim?.attempt);
}

/** Where and when an earlier run may have sent what only the database knows of: on whichever line, and before it ended. */
export function byEarlierRun({
  lease,
  campaign,
  type,
}: Pick<RunParts, 'lease' | 'campaign' | 'type'>): Pick<Sought, 'ageMs'> & { line: null } {
  return { line: null, ageMs: lease.quietFor(campaignName(campaign.id, type)) };
}

/** The same for whoever looks it up next: until then its call had surely begun. */
function begunBefore(run: Run, now: EpochMs): Pick<Claim, 'begunBy'> {
  const { ageMs } = byEarlierRun(run);
  return typeof ageMs === 'number' ? { begunBy: now - ageMs } : {};
}

/** What a look-up takes. */
export function meansOf(parts: Pick<RunParts, 'line' | 'clock' | 'everyone' | 'campaign'>, { lookupMs }: Policy): Means {
  const { line, clock, everyone, campaign } = parts;
  const readEarlier = async () => (await everyone.latestAccepted(campaign.id)).map(controlOf);
  return { lookUp: line.lookUp, list: line.list, clock, lookupMs, readEarlier };
}

/** What was found is sent (or failed at the provider after it was accepted); what cannot be told is in doubt. */
export async function settleByFinding(
  run: Run,
  message: PreparedMessage,
  finding: Exclude<Finding, { kind: 'absent' }>,
  claim?: Claim,
  counted = claim?.attempt,
): Promise<void> {
  const at = run.clock.now();
  if (finding.kind !== 'found') {
    const answered = finding.kind === 'unaskable' || (finding.kind === 'unsure' && finding.reachable);
    if (finding.kind === 'barred') stopRun(run, 'barred', `${finding.code}: ${finding.reason}`);
    else if (!answered && run.sending) restUnreachable(run, finding.reason);
    // Without an attempt of its own, only those that the database counts are known.
    const attempts = counted ?? message.queued.attempts;
    const doubted = claim ?? { ...message.claim, at, attempt: Math.max(1, attempts), ...begunBefore(run, at) };
    const left = { message, claim: doubted, reason: finding.reason, answered };
    return leaveInDoubt(run, left, attempts);
  }
  // When it was sent, as far as that is known: what is found late would seem younger than it is.
  const when = claim === undefined ? sentAt(finding, at) : { at: claim.at };
  const done = {
    message: message.claim.message,
    at: when.at,
    attempts: message.claim.attempt,
    ...namesOf(finding),
    line: finding.line ?? claim?.line ?? null,
  };
  const { failure } = finding;
  return settle(run, message, failure === null ? { kind: 'sent', ...done, ...when } : { kind: 'failed', ...done, ...failure });
}

/** When it was sent that a look-up found, as the provider says; where it does not say, it was at some time before now. */
export function sentAt(found: Extract<Finding, { kind: 'found' }>, now: EpochMs): { at: EpochMs; note?: string } {
  const at = acceptedFrom(found, now);
  return at === null ? { at: now, note: SENT_SOMETIME } : { at };
}

/** The ids of what the provider took (its own, and where there is none WhatsApp's in its place), and what it calls the recipient. */
export function namesOf({
  providerId,
  whatsappId,
  alias = null,
}: Pick<Extract<Outcome, { kind: 'accepted' }>, 'providerId' | 'whatsappId' | 'alias'>) {
  return { providerId: providerId ?? whatsappId, whatsappId, ...(alias !== null && { alias }) };
}

/** Nobody can know: said, never guessed. The database keeps a note, so that losing the checkpoint does not hide it. */
export async function leaveInDoubt(run: Run, left: LeftInDoubt, attempts = left.claim.attempt): Promise<void> {
  const { message, claim, reason } = left;
  const durable = run.journal.write({ type: 'doubt', doubt: { ...claim, reason } });
  await durable;
  run.outbox.add({ kind: 'marked', message: claim.message, note: doubtNote(reason), at: run.clock.now(), attempts });
  move(run, message, 'inDoubt');
  run.lookUps.left.push({ ...left, message: { ...message, standing: 'inDoubt' } });
  run.report.tell({ type: 'in_doubt', ...message.attempted, reason, progress: run.account.progress });
}

/** Surely absent: one more attempt with the same reference, or failed when there is none left. */
async function tryAgain(run: Run, message: PreparedMessage, { claim, outcome }: UnknownAttempt): Promise<void> {
  const at = run.clock.now();
  const attempts = claim.attempt;
  if (!mayRetry(attempts, run.batches.policy.retry)) {
    const reason = `${outcome.reason} (${attempts} attempts, none of them listed by the provider)`;
    return settle(run, message, {
      kind: 'failed',
      message: claim.message,
      code: `${UNCONFIRMED}${outcome.code}`,
      reason,
      at,
      attempts,
      providerId: null,
    });
  }
  const waitMs = retryWait(attempts, run.batches.policy.retry);
  await putBack(run, { ...message, queued: { ...message.queued, attempts } }, at + waitMs);
  run.outbox.add({ kind: 'marked', message: claim.message, note: retryNote(outcome.reason), at, attempts });
  run.report.tell({ type: 'retry', ...message.attempted, reason: outcome.reason, waitMs });
}
