import type { Outcome } from '../core/outcome.ts';
import { OFFLINE_WAIT, THROTTLED_WAIT, unreachableWait, WAITING_LIMIT } from '../core/retry.ts';
import { type EpochMs, formatDuration, type Milliseconds } from '../core/units.ts';
import { type LineTrouble, type Run, stopRun } from './run.ts';

type Trouble = Extract<Outcome, { kind: 'throttled' | 'unavailable' | 'unknown' }>;

/** What is not the recipient's doing rests the whole line: 429, device offline (503), no connection at all. Other outcomes change nothing. */
export function restLine(run: Run, outcome: Trouble): void {
  if (outcome.kind === 'throttled') {
    run.pacing = { ...run.pacing, throttled: true };
    rest(run, 'throttled', outcome.reason, outcome.retryAfterMs ?? THROTTLED_WAIT);
  } else if (outcome.kind === 'unavailable' && outcome.code !== 'late') {
    restUnreachable(run, outcome.reason);
  } else if (outcome.kind === 'unknown' && outcome.offline) {
    run.askFirst = true;
    rest(run, 'offline', outcome.reason, OFFLINE_WAIT);
  }
}

/** The provider cannot be reached. Calls that were in flight together count as one failure. */
export function restUnreachable(run: Run, detail: string): void {
  const restsAlready = run.trouble?.reason === 'unreachable' && run.clock.now() < run.pacing.notBefore;
  if (restsAlready) return;
  const inARow = (run.trouble?.unreachableInARow ?? 0) + 1;
  rest(run, 'unreachable', detail, unreachableWait(inARow, run.current.retry), inARow);
}

/** Asks the line how it is; afterwards it may go on, rests again, or the run was stopped. */
export async function askLine(run: Run): Promise<void> {
  const state = await run.provider.askLine();
  switch (state.kind) {
    case 'ready':
      run.askFirst = false;
      return;
    case 'waiting':
      return rest(run, 'offline', state.reason, OFFLINE_WAIT);
    case 'unreachable':
      return restUnreachable(run, state.reason);
    case 'barred':
      return stopRun(run, 'barred', `${state.code}: ${state.reason}`);
  }
}

/** True while the line must not be used: it was told so after the turn was given. */
export function rests(run: Run): boolean {
  return run.clock.now() < run.pacing.notBefore;
}

/** The moment at which waiting has lasted so long that the campaign pauses, if the line is in trouble. */
export function patienceEnds(run: Run): EpochMs {
  return run.trouble === null ? Number.POSITIVE_INFINITY : run.trouble.since + WAITING_LIMIT;
}

/** Pauses the campaign because the line did not come back. */
export function giveUpWaiting(run: Run, trouble: LineTrouble): void {
  stopRun(run, 'waiting', `${trouble.detail}, for ${formatDuration(run.clock.now() - trouble.since)}`);
}

function rest(
  run: Run,
  reason: LineTrouble['reason'],
  detail: string,
  wait: Milliseconds,
  inARow = run.trouble?.unreachableInARow ?? 0,
): void {
  const now = run.clock.now();
  const until = Math.max(run.pacing.notBefore, now + wait);
  run.trouble = { reason, detail, since: run.trouble?.since ?? now, unreachableInARow: inARow };
  if (until > run.pacing.notBefore) {
    run.pacing = { ...run.pacing, notBefore: until };
    run.resting = true;
    run.report.tell({ type: 'rest', campaign: run.campaign.id, reason, until, detail });
  }
  run.bell.ring();
}
