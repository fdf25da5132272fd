import { latencyOf } from '../core/latency.ts';
import type { Progress } from '../core/progress.ts';
import { type EpochMs, formatCount } from '../core/units.ts';
import { EXIT } from '../errors.ts';
import { callsOf } from '../loop/account.ts';
import { stopRun } from '../loop/course.ts';
import type { Run } from '../loop/parts.ts';
import type { StopSignal } from '../outside.ts';
import type { Report } from '../ports/event-sink.ts';
import type { World } from '../world.ts';
import { summaryOf } from './run-summary.ts';

const EXIT_OF: Record<StopSignal, number> = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hangup };

/** What was told of a run that is not under way yet. */
export interface Begun {
  report: Report;
  progress: Progress;
  at: EpochMs;
}

/** Follows how far the run is, and knows the exit code after a signal. */
export interface SignalWatch {
  /** Its plan was told: from now on it ends with a summary. */
  onBegun(begun: Begun): void;
  onRun(run: Run): void;
  signalCode(): number;
  runIsOver(): void;
  end(): void;
}

/**
 * The first signal stops the run: no new send, the calls in flight finish and are recorded; one that was not under way yet gives its lease
 * back (`giveUp`). The second leaves at once.
 */
export function watchSignals({ outside, clock, leave, nextStep }: World, campaign: number, giveUp: () => Promise<unknown>): SignalWatch {
  let first: StopSignal | null = null;
  let isOver = false;
  let begun: Begun | null = null;
  let current: Run | null = null;
  const end = outside.onSignal((signal) => {
    const exitCode = EXIT_OF[signal];
    // The summary was the last word.
    if (isOver) return leave(exitCode);
    if (first !== null) {
      if (current !== null) tellLeft(current, clock.now(), exitCode);
      return leave(exitCode);
    }
    first = signal;
    if (current === null && begun !== null) {
      tellGivenUp(campaign, begun, { detail: signal, now: clock.now(), exitCode });
      return void giveUp()
        .catch(() => undefined)
        .then(() => leave(exitCode));
    }
    if (current === null) {
      outside.stderr.write(`Interrupted before this run sent anything. Next: ${nextStep(`wsend resume ${campaign}`)}\n`);
      return void giveUp()
        .catch(() => undefined)
        .then(() => leave(exitCode));
    }
    const text = 'finishing the calls in flight; press Ctrl-C again to leave at once';
    if (signal === 'SIGINT') current.report.tell({ type: 'notice', level: 'info', text });
    stopRun(current, 'signal', signal);
  });
  return {
    onBegun: (told) => {
      begun = told;
    },
    onRun: (run) => {
      current = run;
    },
    signalCode: () => EXIT_OF[first ?? 'SIGINT'],
    runIsOver: () => {
      isOver = true;
    },
    end,
  };
}

/** The end of a run that had not begun to send. */
function tellGivenUp(
  campaign: number,
  { report, progress, at }: Begun,
  { detail, now, exitCode }: { detail: string; now: EpochMs; exitCode: number },
): void {
  report.tell({ type: 'paused', campaign, reason: 'signal', detail });
  report.tell(summaryOf({ campaign, progress, durationMs: now - at, exitCode }));
}

/** The summary of a run that is left with calls in flight: they count as pending, and the next run looks them up. */
function tellLeft({ campaign, line, account, report }: Run, now: EpochMs, exitCode: number): void {
  const { progress, failures, latency, startedAt } = account;
  if (line.calls > 0) {
    const text = `${formatCount(line.calls, 'call')} in flight; the next run will check whether they arrived`;
    report.tell({ type: 'notice', level: 'warning', text });
  }
  const ended = { campaign: campaign.id, progress, durationMs: now - startedAt, exitCode };
  report.tell(summaryOf({ ...ended, failures: [...failures.values()], latency: latencyOf(latency), calls: callsOf(account) }));
}
