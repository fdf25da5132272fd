import type { LineState } from '../core/outcome.ts';
import { OFFLINE_WAIT } from '../core/retry-policy.ts';
import { type EpochMs, formatCount, type Milliseconds, SECOND } from '../core/units.ts';
import { breakRun, maySend, stopRun } from './course.ts';
import { rest, restUnreachable } from './line.ts';
import type { Run } from './parts.ts';

/** A send waits no longer than this for word of the queue, counted from the question: a device that is slow to tell must not stop a run. Our judgement. */
const PATIENCE: Milliseconds = 2 * SECOND;

/** A line that cannot be asked is taken to be ready: each send is told by its own answer. */
const UNASKABLE: LineState = { kind: 'ready', name: '' };

type Heard = LineState & { counted: number };

/** Asks the line how it is, and waits for the answer; afterwards it may go on, rests again, or the run was stopped. */
export async function askLine(run: Run): Promise<void> {
  const { line } = run;
  const heard = await ask(run);
  if (heard === null) return;
  // That it was full is no reason to stop once it tells nothing any more.
  const wasFull = line.trouble?.reason === 'queue_full';
  if (heard.kind === 'barred' && !(wasFull && !heard.byDevice)) return bar(run, heard);
  if (heard.kind === 'unreachable' && !wasFull) return restUnreachable(run, heard.reason);
  line.askFirst = false;
  hear(run, heard);
}

/**
 * Asks the line how it is beside the sends, one question at a time, and the run's end does not wait for the answer. A line that is not ready rests
 * from its next turn on. That it does not answer, or that the question is refused, changes nothing: the next send is told by its own answer.
 */
export function askBeside(run: Run): void {
  const { line, course } = run;
  if (line.askFirst || line.asked.underWay) return;
  const deal = (heard: Heard | null) => {
    if (heard === null || !maySend(run) || course.ended.signal.aborted) return;
    if (heard.kind === 'barred' && heard.byDevice) return bar(run, heard);
    hear(run, heard);
    line.bell.wake();
  };
  ask(run)
    .then(deal)
    .catch((bug) => breakRun(run, bug));
}

/** Asks beside the sends when it is time: now and then, and of the queue before each batch and whenever half of what may wait there was sent. */
export function askInTime(run: Run, now: EpochMs, { opensBatch }: { opensBatch: boolean }): void {
  const { line, batches } = run;
  const { askEveryMs, queueLimit } = batches.policy;
  const sends = line.starts - line.asked.starts;
  const isDue = askEveryMs > 0 && Math.abs(now - line.asked.at) >= askEveryMs;
  const mayHaveGrown = line.queue !== null && sends > 0 && (opensBatch || 2 * sends >= queueLimit);
  if (isDue || mayHaveGrown) askBeside(run);
}

/** True while as many messages may wait in the line's queue as are allowed there: as many as it told, and all that it may not have counted. */
export function queueMayBeFull({ line: { queue, starts }, batches }: Run): boolean {
  return queue !== null && queue.told + starts - queue.counted >= batches.policy.queueLimit;
}

/** Waits for word of a queue that may be full. */
export async function waitForQueue(run: Run, now: EpochMs): Promise<void> {
  const { line, clock } = run;
  // Only calls in flight are uncounted: what becomes of them is waited for.
  if (!line.asked.underWay && line.queue?.counted === line.starts - line.calls) return line.bell.wait(clock);
  askBeside(run);
  const until = line.asked.at + PATIENCE;
  if (now < until) await line.bell.wait(clock, until);
  else line.queue = null;
}

/** One question; null where a later one has overtaken it. What was in flight when it was asked may not be counted in the answer. */
async function ask({ line, clock }: Run): Promise<Heard | null> {
  const asked = { at: clock.now(), starts: line.starts, underWay: true };
  const counted = line.starts - line.calls;
  line.asked = asked;
  const state = await (line.provider.askLine?.() ?? UNASKABLE);
  if (line.asked !== asked) return null;
  asked.underWay = false;
  return { ...state, counted };
}

function hear(run: Run, heard: Heard): void {
  const { line } = run;
  if (heard.kind === 'waiting') {
    line.askFirst = true;
    rest(run, heard.queuePaused === true ? 'queue_paused' : 'offline', heard.reason, OFFLINE_WAIT);
  } else if (heard.kind === 'ready' && heard.queued !== undefined && run.batches.policy.queueLimit > 0) {
    hearQueue(run, { told: heard.queued, counted: heard.counted });
  } else {
    line.queue = null;
    if (line.trouble?.reason === 'queue_full') line.trouble = null;
  }
}

/** A full queue rests the line until half of it is gone. As long as it gets shorter, patience begins again. */
function hearQueue(run: Run, queue: { told: number; counted: number }): void {
  const { line, batches } = run;
  const { queueLimit } = batches.policy;
  const { told } = queue;
  const wasFull = line.trouble?.reason === 'queue_full';
  const isShorter = told < (line.queue?.told ?? Number.POSITIVE_INFINITY);
  line.queue = queue;
  if (wasFull ? told > queueLimit / 2 : told >= queueLimit) {
    if (!wasFull || isShorter) line.trouble = null;
    line.askFirst = true;
    rest(run, 'queue_full', `${formatCount(told, 'message')} ${told === 1 ? 'waits' : 'wait'} in the queue of the device`, queueWait(run));
  } else if (wasFull) line.trouble = null;
}

/** Half of what may wait is gone after this, at our own pace; at most as long as a line that is not ready is left alone. */
function queueWait({ batches: { pace, policy } }: Run): Milliseconds {
  return Math.min(OFFLINE_WAIT, Math.max(SECOND, (pace.delayMs * policy.queueLimit) / 2));
}

function bar(run: Run, { code, reason }: Extract<LineState, { kind: 'barred' }>): void {
  stopRun(run, 'barred', `${code}: ${reason}`);
}
