import type { Recipient } from '../core/campaign.ts';
import { CLAIM_GOOD_FOR, type Claim, campaignName } from '../core/checkpoint.ts';
import type { Finding } from '../core/outcome.ts';
import { type EpochMs, MINUTE, type Milliseconds } from '../core/units.ts';
import { leaveInDoubt, meansOf, settleByFinding } from '../loop/doubt.ts';
import { lookUpAll } from '../loop/look-up.ts';
import type { PreparedMessage, Run } from '../loop/parts.ts';
import { prepareAgain } from '../loop/prepare-message.ts';
import { isReported } from '../loop/reported.ts';
import { putBack } from '../loop/settle.ts';
import type { Recovered } from './recover.ts';

/**
 * A claim of a run that cannot be seen from here is over when it is this old: no call is begun more than 10 s after its claim, and the rest
 * is room for calls that hang and for clocks that differ between machines.
 */
const SURELY_OVER: Milliseconds = 10 * MINUTE;

/** An attempt that an earlier run left without an outcome. */
interface OpenAttempt {
  claim: Claim;
  message: PreparedMessage;
}

/** The claims and doubts that a run found, of those that are still pending. */
export function openAttempts(run: Run, { claims, doubts }: Recovered, pending: Map<number, Recipient>): OpenAttempt[] {
  const opened = (claim: Claim, standing: PreparedMessage['standing']) => {
    const recipient = pending.get(claim.message);
    if (recipient === undefined) return [];
    const from = recipient.skipped ? 'skipped' : standing;
    return [{ claim, message: prepareAgain(run, { recipient, attempts: claim.attempt - 1 }, claim, from) }];
  };
  return [...claims.flatMap((claim) => opened(claim, 'pending')), ...doubts.flatMap((doubt) => opened(doubt, 'inDoubt'))];
}

/**
 * Settles what earlier runs left open. Absent counts only when the run that made the claim was surely over before it was looked up: until
 * then its request may have been on the way, and what arrives at the last moment is listed later. One that has ended meanwhile is looked up anew.
 */
export async function settleOpen(run: Run, open: OpenAttempt[]): Promise<void> {
  const now = run.clock.now();
  const wereOver = open.map(({ claim }) => isOver(run, claim));
  const ages = open.map(({ claim }) => leastAge(run, claim, now));
  for (const [i, attempt] of open.entries()) {
    // A claim from the future: the clock was set back since, and it is no younger than now.
    const at = Math.min(attempt.claim.at, now);
    // What is known of a run that is over stays known, whoever has the lease next.
    attempt.claim = { ...attempt.claim, at, ...(wereOver[i] && { begunBy: now - (ages[i] as Milliseconds) }) };
  }
  const wanted = open.map(({ claim }, i) => ({ ...claim, ageMs: ages[i] as Milliseconds, claimedAt: claim.at }));
  const findings = await lookUpAll(meansOf(run, run.batches.policy), wanted, run.course.stopping.signal);
  const again: OpenAttempt[] = [];
  const settling = open.map(async (attempt, i) => {
    const { claim, message } = attempt;
    const finding = findings[i] as Finding;
    if (finding.kind !== 'found' && (await isReported(run, message))) return;
    if (finding.kind !== 'absent') return settleByFinding(run, message, finding, claim);
    if (wereOver[i]) return putBack(run, message, run.clock.now());
    if (isOver(run, claim)) {
      again.push(attempt);
      return;
    }
    const { host, pid } = claim.owner;
    const reason = `the provider does not list it, but the run that claimed it (process ${pid} on ${host}) may not be over`;
    return leaveInDoubt(run, { message, claim, reason, answered: true });
  });
  await Promise.all(settling);
  if (again.length > 0) await settleOpen(run, again);
}

/**
 * How long ago its call can have begun at least, and never before its claim: before the run fell silent that made it and had the lease until ours. One
 * that another run took over from may have woken long after, to send what it had claimed; of one that cannot be seen from here that is not
 * reckoned with.
 */
function leastAge({ lease, journal, campaign, type, processes }: Run, { owner, at, begunBy }: Claim, now: EpochMs): Milliseconds {
  const name = campaignName(campaign.id, type);
  const { epoch } = lease.before(name);
  const hadItLast = epoch !== null && journal.checkpoint.owners.get(epoch)?.token === owner.token;
  const woken = at + (processes.fate(owner) === 'unknowable' ? CLAIM_GOOD_FOR : SURELY_OVER);
  const quiet = begunBy === undefined && hadItLast ? lease.quietFor(name) : null;
  return Math.max(0, Math.min(quiet ?? now - (begunBy ?? woken), now - at));
}

function isOver(run: Run, { owner, at }: Claim): boolean {
  const fate = owner.token === run.owner.token ? 'over' : run.processes.fate(owner);
  return fate === 'over' || (fate === 'unknowable' && run.clock.now() - at >= SURELY_OVER);
}
