import { adaptiveDelay, SLOW_DOWN_ABOVE } from '../core/adaptive-delay.ts';
import { errorRate } from '../core/error-rate.ts';
import { afterClockStep, batchIsFull, nextStart, started } from '../core/pacing.ts';
import type { Policy } from '../core/policy.ts';
import type { EpochMs, Milliseconds } from '../core/units.ts';
import { blamed, countCall, openIfTooMany, ownPending } from './account.ts';
import { askInTime, askLine, queueMayBeFull, waitForQueue } from './ask-line.ts';
import { maySend } from './course.ts';
import { countLateFailures } from './late-failures.ts';
import { giveUpWaiting, patienceEnds } from './line.ts';
import type { Batches, Run } from './parts.ts';

/** The loop is ready this long before a turn: less than the list of opt-outs is fresh. */
const READY_AHEAD: Milliseconds = 100;

/** The batches of a run that has just begun. */
export function newBatches(policy: Policy): Batches {
  return { policy, pace: policy.pace, begun: 0, ofLine: 0, starts: 0 };
}

/** True once the turn of the next send has come; false after a wait, when everything has to be looked at again. Opens batches, rests after them, and rests while the line is in trouble. */
export async function myTurn(run: Run, now: EpochMs): Promise<boolean> {
  const { line, batches } = run;
  line.pacing = afterClockStep(line.pacing, now);
  if (line.trouble !== null && now >= patienceEnds(run)) {
    giveUpWaiting(run, line.trouble);
    return false;
  }
  const due = nextStart(line.pacing, batches.pace, now);
  const batchEnds = batchIsFull(line.pacing, batches.pace);
  askInTime(run, now, { opensBatch: batchEnds && due - now <= READY_AHEAD });
  if (now < due) {
    if (batchEnds) tellPause(run, due);
    // Woken once before, the loop looks at everything that may be stale by then, so that nothing is left to do when the turn has come.
    const wake = now < due - READY_AHEAD ? due - READY_AHEAD : due;
    await line.bell.wait(run.clock, Math.min(wake, patienceEnds(run)));
    return false;
  }
  if (batches.begun === 0 || batchEnds || batches.ofLine !== line.batches) {
    await openBatch(run, due);
    return false;
  }
  if (line.askFirst) {
    await askLine(run);
    return false;
  }
  if (queueMayBeFull(run)) {
    await waitForQueue(run, now);
    return false;
  }
  goOn(run);
  return true;
}

/** Takes the turn: the next one is one delay later, counted from the claim until the request is written. */
export function takeTurn({ line, batches }: Run, at: EpochMs): void {
  line.pacing = started(line.pacing, batches.pace, at);
  line.calls += 1;
  line.starts += 1;
  batches.starts += 1;
}

/** The request was written at `at`: the next gap is counted from there. The clock counts whole milliseconds. */
export function startedAt({ line, account }: Run, at: EpochMs): void {
  const start = Math.floor(at);
  countCall(account, start);
  if (start > (line.pacing.lastStart ?? start)) line.pacing = { ...line.pacing, lastStart: start };
}

function tellPause({ line, batches, report, campaign }: Run, until: EpochMs): void {
  if (line.resting || batches.pace.batchPauseMs === 0) return;
  line.resting = true;
  report.tell({ type: 'rest', campaign: campaign.id, reason: 'batch_pause', until, detail: 'pause after a batch' });
}

/** Before each batch: the circuit breaker, the configuration as it is now, the adaptive delay. */
async function openBatch(run: Run, opens: EpochMs): Promise<void> {
  const { line, batches } = run;
  goOn(run);
  if (batches.begun > 0) await countLateFailures(run);
  openIfTooMany(run);
  if (!maySend(run)) return;

  if (batchIsFull(line.pacing, batches.pace)) {
    line.pacing = { ...line.pacing, sentInBatch: 0, notBefore: opens };
    line.batches += 1;
  }
  batches.ofLine = line.batches;
  batches.policy = run.policy();
  slowDownOrRecover(run);
  batches.begun += 1;
  const { batchSize } = batches.pace;
  const left = Math.max(1, ownPending(run.account) - line.calls - run.lookUps.underWay);
  const after = Math.max(0, left - (batchSize - line.pacing.sentInBatch));
  run.report.tell({ type: 'batch', campaign: run.campaign.id, batch: batches.begun, of: batches.begun + Math.ceil(after / batchSize) });
}

function slowDownOrRecover(run: Run): void {
  const { line, batches } = run;
  const { pace, bounds } = batches.policy;
  const rate = errorRate(blamed(run.account));
  const throttled = line.pacing.throttled === true;
  const delayMs = adaptiveDelay(pace.delayMs, rate, throttled, bounds);
  const fromMs = batches.begun === 0 ? pace.delayMs : batches.pace.delayMs;
  const cause = rate > SLOW_DOWN_ABOVE ? 'error_rate' : throttled ? 'throttled' : delayMs < fromMs ? 'recovered' : 'configuration';
  batches.pace = { ...pace, delayMs };
  // A Message 2 within the run that has the line leaves it to that run.
  line.pacing = { ...line.pacing, throttled: throttled && run.lease !== line.lease };
  if (delayMs !== fromMs) run.report.tell({ type: 'delay', campaign: run.campaign.id, fromMs, toMs: delayMs, errorRate: rate, cause });
}

function goOn({ line, report, campaign }: Run): void {
  if (line.resting) report.tell({ type: 'go_on', campaign: campaign.id });
  line.resting = false;
}
