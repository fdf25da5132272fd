import { adaptiveDelay, SLOW_DOWN_ABOVE } from '../core/adaptive-delay.ts';
import { checkCircuitBreaker } from '../core/circuit-breaker.ts';
import { errorRate } from '../core/error-rate.ts';
import { afterClockStep, batchIsFull, countedStart, nextStart, type PacingState } from '../core/pacing.ts';
import type { EpochMs, Milliseconds } from '../core/units.ts';
import { askLine, giveUpWaiting, patienceEnds } from './line.ts';
import { recount } from './recount.ts';
import { maySend, type Run, stopRun } from './run.ts';

/** A claim is made at most this long before its turn. */
export const LONGEST_LEAD: Milliseconds = 50;
/** A call is begun this long before its turn, so that all is prepared by then: the HTTP client takes one to four. */
export const PREPARING: Milliseconds = 5;

/**
 * The moment of the next send, once it has come (or comes as soon as a claim can be made durable); null after a wait, when everything has to
 * be looked at again. Opens batches, rests after them, and rests while the line is in trouble.
 */
export async function myTurn(run: Run, now: EpochMs): Promise<EpochMs | null> {
  run.pacing = afterClockStep(run.pacing, now);
  if (run.trouble !== null && now >= patienceEnds(run)) {
    giveUpWaiting(run, run.trouble);
    return null;
  }
  const due = nextStart(run.pacing, run.pace, now);
  const batchEnds = batchIsFull(run.pacing, run.pace);
  const lead = batchEnds ? 0 : leadOf(run);
  if (now < due - lead) {
    if (batchEnds) tellPause(run, due);
    await run.bell.wait(run.clock, Math.min(due - lead, patienceEnds(run)));
    return null;
  }
  if (run.batch === 0 || batchEnds) {
    await openBatch(run, due);
    return null;
  }
  if (run.askFirst) {
    await askLine(run);
    return null;
  }
  goOn(run);
  return due;
}

/** A send whose turn was `turn` really started at `at`: the next gap is counted from there, or from a later start if there was one. */
export function startedAt(run: Run, turn: EpochMs, at: EpochMs): void {
  const start = countedStart(turn, at);
  if (start > (run.pacing.lastStart ?? start)) run.pacing = { ...run.pacing, lastStart: start };
}

/** The line's pace as the checkpoint keeps it: whoever takes the line over must know that a send may just have begun. */
export function pacingToKeep(run: Run): PacingState {
  return run.unwritten > 0 ? { ...run.pacing, claimed: true } : run.pacing;
}

/** How long before its turn a claim is made, so that it is durable, and the call prepared, just in time. */
function leadOf(run: Run): Milliseconds {
  return run.pace.delayMs === 0 ? 0 : Math.min(Math.ceil(run.claimLatency) + PREPARING, run.pace.delayMs / 2, LONGEST_LEAD);
}

function tellPause(run: Run, until: EpochMs): void {
  if (run.resting || run.pace.batchPauseMs === 0) return;
  run.resting = true;
  run.report.tell({ type: 'rest', campaign: run.campaign.id, reason: 'batch_pause', until, detail: 'pause after a batch' });
}

/** Before each batch: the circuit breaker, the configuration as it is now, the adaptive delay. */
async function openBatch(run: Run, opens: EpochMs): Promise<void> {
  goOn(run);
  if (run.batch > 0) await recount(run);
  const cause = checkCircuitBreaker(run.breaker, run.current.pace.batchSize);
  if (cause !== null) stopRun(run, 'circuit_breaker', cause);
  if (!maySend(run)) return;

  if (batchIsFull(run.pacing, run.pace)) run.pacing = { ...run.pacing, sentInBatch: 0, notBefore: opens };
  run.current = run.policy();
  slowDownOrRecover(run);
  run.batch += 1;
  const left = Math.max(1, run.progress.pending - run.othersPending - run.calls - run.lookUps);
  const after = Math.max(0, left - (run.pace.batchSize - run.pacing.sentInBatch));
  run.report.tell({ type: 'batch', campaign: run.campaign.id, batch: run.batch, of: run.batch + Math.ceil(after / run.pace.batchSize) });
}

function slowDownOrRecover(run: Run): void {
  const rate = errorRate(run.progress);
  const throttled = run.pacing.throttled === true;
  const delayMs = adaptiveDelay(run.current.pace.delayMs, rate, throttled, run.current.bounds);
  const fromMs = run.batch === 0 ? run.current.pace.delayMs : run.pace.delayMs;
  const cause = rate > SLOW_DOWN_ABOVE ? 'error_rate' : throttled ? 'throttled' : delayMs < fromMs ? 'recovered' : 'configuration';
  run.pace = { ...run.current.pace, delayMs };
  run.pacing = { ...run.pacing, throttled: false };
  if (delayMs !== fromMs) run.report.tell({ type: 'delay', campaign: run.campaign.id, fromMs, toMs: delayMs, errorRate: rate, cause });
}

function goOn(run: Run): void {
  if (run.resting) run.report.tell({ type: 'go_on', campaign: run.campaign.id });
  run.resting = false;
}
