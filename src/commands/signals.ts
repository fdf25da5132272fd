import { latencyOf } from '../core/latency.ts';
import { nextCommand } from '../engine/finish.ts';
import { type Run, stopRun } from '../engine/run.ts';
import { EXIT } from '../errors.ts';
import type { StopSignal } from '../outside.ts';
import type { World } from '../world.ts';

const EXIT_OF: Record<StopSignal, number> = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hangup };

/** The first signal stops the run: no new send, the calls in flight finish and are recorded. The second leaves at once. */
export function watchSignals(
  { outside, clock, leave }: World,
  campaign: number,
): { onRun: (run: Run) => void; signalCode: () => number; runIsOver: () => void; end: () => void } {
  let first: StopSignal | null = null;
  let isOver = false;
  let current: Run | null = null;
  const end = outside.onSignal((signal) => {
    const exitCode = EXIT_OF[signal];
    // The summary was the last word.
    if (isOver) return leave(exitCode);
    if (current === null) {
      outside.stderr.write(`Interrupted before anything was sent. Next: wsend resume ${campaign}\n`);
      return leave(exitCode);
    }
    if (first !== null) {
      tellLeft(current, clock.now(), exitCode);
      return leave(exitCode);
    }
    first = signal;
    const text = 'finishing the calls in flight; press Ctrl-C again to leave at once';
    if (signal === 'SIGINT') current.report.tell({ type: 'notice', level: 'info', text });
    stopRun(current, 'signal', signal);
  });
  return {
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

/** The summary of a run that is left with calls in flight: they count as pending, and the next run looks them up. */
function tellLeft({ campaign, progress, failures, latency, startedAt, report }: Run, now: number, exitCode: number): void {
  report.tell({
    type: 'summary',
    campaign: campaign.id,
    progress,
    durationMs: now - startedAt,
    failures: [...failures.values()],
    latency: latencyOf(latency),
    exitCode,
    next: nextCommand(campaign.id, progress),
  });
}
