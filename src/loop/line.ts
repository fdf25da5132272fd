import { type Outcome, UNEXPECTED_IN_A_ROW } from '../core/outcome.ts';
import { OFFLINE_WAIT, THROTTLED_WAIT, unreachableWait, WAITING_LIMIT } from '../core/retry-policy.ts';
import { type EpochMs, formatDuration, type Milliseconds } from '../core/units.ts';
import { stopRun } from './course.ts';
import type { LineTrouble, Run } from './parts.ts';

type Trouble = Extract<Outcome, { kind: 'throttled' | 'unavailable' | 'unknown' }>;

/** What is not the recipient's doing rests the whole line: 429, device offline (503), no connection at all. Other outcomes change nothing. */
export function restLine(run: Run, outcome: Trouble): void {
  const { line } = run;
  if (outcome.kind === 'throttled') {
    line.pacing = { ...line.pacing, throttled: true };
    rest(run, 'throttled', outcome.reason, outcome.retryAfterMs ?? THROTTLED_WAIT);
  } else if (outcome.kind === 'unavailable' && outcome.code !== 'late') {
    restUnreachable(run, outcome.reason);
  } else if (outcome.kind === 'unknown' && outcome.offline) {
    line.askFirst = true;
    rest(run, 'offline', outcome.reason, OFFLINE_WAIT);
  }
}

/**
 * An answer that should have confirmed a message and says something else. Whatever becomes of the messages, several in a row stop the run: what
 * answers there is not the provider as we know it. What came by no answer at all is no such answer, and no proof of the contrary.
 */
export function noteAnswer(run: Run, outcome: Outcome): void {
  const { line } = run;
  if (outcome.kind === 'accepted' || outcome.kind === 'rejected') line.unexpectedInARow = 0;
  if (outcome.kind !== 'unknown' || outcome.unexpected !== true) return;
  line.unexpectedInARow += 1;
  if (line.unexpectedInARow < UNEXPECTED_IN_A_ROW) return;
  const detail = `answer:unexpected: ${UNEXPECTED_IN_A_ROW} answers in a row do not confirm their messages; the last: ${outcome.reason}`;
  stopRun(run, 'barred', detail);
}

/** The provider cannot be reached. Calls that were in flight together count as one failure. */
export function restUnreachable(run: Run, detail: string): void {
  const { line } = run;
  const restsAlready = line.trouble?.reason === 'unreachable' && run.clock.now() < line.pacing.notBefore;
  if (restsAlready) return;
  const inARow = (line.trouble?.unreachableInARow ?? 0) + 1;
  rest(run, 'unreachable', detail, unreachableWait(inARow, run.batches.policy.retry), inARow);
}

/** True while the line must not be used: the provider said so after this turn was given. */
export function rests({ line, clock }: Run): boolean {
  return clock.now() < line.pacing.notBefore;
}

/** The moment at which waiting has lasted so long that the campaign pauses, if the line is in trouble. */
export function patienceEnds({ line }: Run): EpochMs {
  return line.trouble === null ? Number.POSITIVE_INFINITY : line.trouble.since + WAITING_LIMIT;
}

/** Pauses the campaign because the line did not come back. */
export function giveUpWaiting(run: Run, trouble: LineTrouble): void {
  stopRun(run, 'waiting', `${trouble.detail}, for ${formatDuration(run.clock.now() - trouble.since)}`);
}

/** Message 2 goes before Message 1: sends what is due, and continues then. */
export async function sendMessage2First(run: Run): Promise<void> {
  const { line, report, campaign } = run;
  line.message2Due = false;
  if (run.sendMessage2 === null) return;
  const until = run.clock.now() + run.batches.pace.delayMs;
  report.tell({ type: 'rest', campaign: campaign.id, reason: 'message_2', until, detail: 'Message 2 goes first' });
  await run.sendMessage2(run);
  report.tell({ type: 'go_on', campaign: campaign.id });
}

/** Rests the line from its next turn on; what has begun is not touched. */
export function rest(
  run: Run,
  reason: LineTrouble['reason'],
  detail: string,
  wait: Milliseconds,
  inARow = run.line.trouble?.unreachableInARow ?? 0,
): void {
  const { line } = run;
  const now = run.clock.now();
  const until = Math.max(line.pacing.notBefore, now + wait);
  line.trouble = { reason, detail, since: line.trouble?.since ?? now, unreachableInARow: inARow };
  if (until > line.pacing.notBefore) {
    line.pacing = { ...line.pacing, notBefore: until };
    line.resting = true;
    run.report.tell({ type: 'rest', campaign: run.campaign.id, reason, until, detail });
  }
  line.bell.wake();
}
