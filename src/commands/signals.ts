import { latencyOf } from '../core/latency.ts';
import type { Progress } from '../core/progress.ts';
import { type EpochMs, formatCount } from '../core/units.ts';
import { type Run, stopRun } from '../engine/run.ts';
import { summaryOf } from '../engine/summary.ts';
import { EXIT } from '../errors.ts';
import type { StopSignal } from '../outside.ts';
import type { Report } from '../ports.ts';
import type { World } from '../world.ts';

const EXIT_OF: Record<StopSignal, number> = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hangup };

/** What was told of a run that is not under way yet. */
export interface Begun {
  report: Report;
  progress: Progress;
  at: EpochMs;
  /** Gives the locks back and leaves everything as it is; never rejects. */
  giveUp(): Promise<unknown>;
}

/** Who is told how far the run is, and asked for the exit code after a signal. */
export interface SignalWatch {
  /** Its plan was told: from now on it ends with a summary. */
  onBegun(begun: Begun): void;
  onRun(run: Run): void;
  signalCode(): number;
  runIsOver(): void;
  end(): void;
}

/**
 * The first signal stops the run: no new send, the calls in flight finish and are recorded; one that was not under way yet gives its locks
 * back. The second leaves at once.
 */
export function watchSignals({ outside, clock, leave }: World, campaign: number): SignalWatch {
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
      return void begun.giveUp().then(() => leave(exitCode));
    }
    if (current === null) {
      outside.stderr.write(`Interrupted before this run sent anything. Next: wsend resume ${campaign}\n`);
      return leave(exitCode);
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
function tellLeft({ campaign, calls, progress, failures, latency, startedAt, report }: Run, now: EpochMs, exitCode: number): void {
  if (calls > 0) {
    const text = `${formatCount(calls, 'call')} in flight: whom they reached is looked up by the next run`;
    report.tell({ type: 'notice', level: 'warning', text });
  }
  const durationMs = now - startedAt;
  report.tell(
    summaryOf({ campaign: campaign.id, progress, durationMs, exitCode, failures: [...failures.values()], latency: latencyOf(latency) }),
  );
}
