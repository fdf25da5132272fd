import { cancelledStatus, earnedStatus } from '../core/campaign.ts';
import type { Change } from '../core/checkpoint.ts';
import type { FailureGroup, PauseReason } from '../core/event.ts';
import { latencyOf } from '../core/latency.ts';
import { type Progress, progressOf } from '../core/progress.ts';
import { type EpochMs, formatCount } from '../core/units.ts';
import { EXIT, LeaseLost, messageOf, UserError } from '../errors.ts';
import { callsOf } from '../loop/account.ts';
import { breakRun } from '../loop/course.ts';
import type { Run, RunParts, Stop } from '../loop/parts.ts';
import { unlessStopping } from '../loop/stop-deadline.ts';
import type { Tally } from '../ports/campaign-store.ts';
import { nextCommand, summaryOf } from './run-summary.ts';
import { headerOf, pauseKept, type RunStart } from './start-run.ts';

/** Different error texts read for the summary. */
const FAILURES_READ = 200;

/** How a run ended. */
export interface Ending {
  exitCode: number;
  progress: Progress;
  /** What broke it, or null. */
  broken: unknown;
}

/** The exit code of each way to stop; a signal brings its own. */
const EXIT_OF: Record<Exclude<PauseReason, 'signal'>, number> = {
  circuit_breaker: EXIT.circuitBreaker,
  pause: EXIT.paused,
  limit: EXIT.paused,
  waiting: EXIT.paused,
  barred: EXIT.barred,
};

/** Writes down how it ended and tells the summary; the leases are still held. `signalCode` is asked for the exit code after a signal. */
export async function finish(run: Run, take: RunStart, signalCode: () => number): Promise<Ending> {
  const { campaign, report, clock, course, account } = run;
  if (course.broken !== null) await rescue(run);
  let end = course.away ? undefined : await unlessStopping(run, writeEnd(run)).catch((cause) => breakRun(run, cause));
  end ??= { tally: null, progress: account.progress, finished: false, failures: [...account.failures.values()] };
  const { tally, progress, finished, failures } = end;
  const stop = stopOf(run, take, progress);
  await close(run, take, { stop, finished, tally });

  const exitCode = exitCodeOf(course.broken, stop, progress, signalCode);
  if (course.away) {
    const text = 'the database or the checkpoint does not answer: the next resume settles what is not recorded yet';
    report.tell({ type: 'notice', level: 'warning', text });
  }
  if (course.broken === null && stop !== null) report.tell({ type: 'paused', campaign: campaign.id, ...stop });
  // A clock that was set back must not make it negative.
  const durationMs = Math.max(0, clock.now() - account.startedAt);
  const goesOn = campaign.cancelledAt === null && (course.broken !== null || course.away);
  const next = goesOn ? `wsend resume ${campaign.id}` : nextCommand(campaign, progress);
  const answers = { failures, latency: latencyOf(account.latency), calls: callsOf(account) };
  report.tell(summaryOf({ campaign: campaign.id, progress, durationMs, exitCode, ...answers, next }));
  course.ended.abort();
  return { exitCode, progress, broken: course.broken };
}

/** The ending of a run that broke before it could be taken up, begun at `startedAt`: nothing was sent. */
export function tellBroken(
  { campaign, report, clock }: RunParts,
  { progress }: RunStart,
  { broken, startedAt }: { broken: unknown; startedAt: EpochMs },
): Ending {
  const exitCode = exitCodeOf(broken, null, progress, () => EXIT.bug);
  report.tell(summaryOf({ campaign: campaign.id, progress, durationMs: Math.max(0, clock.now() - startedAt), exitCode }));
  return { exitCode, progress, broken };
}

/** The campaign as the database now has it, and what it could not be told, with the status it has earned. A broken run leaves the status as it is. */
async function writeEnd(run: Run) {
  const { campaigns, course, account } = run;
  const { id, message2, status: before, cancelledAt } = run.campaign;
  const tally = await campaigns.tally(id);
  const progress = progressOf(tally, { inDoubt: account.progress.inDoubt, ...run.outbox.unwritten() });
  const failures = groupByCode(await campaigns.failures(id, FAILURES_READ));
  if (course.broken !== null) return { tally: null, progress, failures, finished: false };
  const awaitsReplies = cancelledAt === null && Boolean(message2?.trim()) && (await campaigns.awaitsReplies(id, run.clock.now()));
  const status = cancelledAt === null ? earnedStatus(progress, awaitsReplies) : cancelledStatus(progress);
  if (run.sending || before === 'sending' || cancelledAt !== null) await campaigns.setStatus(id, status);
  return { tally, progress, failures, finished: status !== 'sending' && progress.inDoubt === 0 };
}

/** Why it ended although recipients are pending; null when none is, or when it was not to send. A barred line needs a person, even where no recipient is left. */
function stopOf(run: Run, { retry }: RunStart, { pending, inDoubt }: Progress): Stop | null {
  const { stop, away, broken } = run.course;
  if (pending === 0) {
    if (stop?.reason === 'barred') return stop;
    return stop?.reason === 'signal' && (inDoubt > 0 || away) ? stop : null;
  }
  // Message 2 that is pending now goes out on another line, or with the next round.
  if (stop !== null || !run.sending || broken !== null || run.type === 'message_2') return stop;
  if (retry !== undefined)
    return { reason: 'limit', detail: `only failed recipients were sent to; ${formatCount(pending, 'other')} pending` };
  return { reason: 'waiting', detail: `${formatCount(pending, 'recipient')} became pending again while it ran` };
}

/** A run that lost its checkpoint still knows of acceptances that are recorded nowhere; they are facts, so the database gets them. */
async function rescue(run: Run): Promise<void> {
  const sent = run.journal
    .undelivered()
    .flatMap((change) => (change.type === 'settle' && change.result.kind === 'sent' ? [change.result] : []));
  if (sent.length === 0) return;
  try {
    await run.recipients.record(run.campaign.id, sent);
  } catch (cause) {
    const text = `${formatCount(sent.length, 'accepted message')} could not be recorded: ${messageOf(cause)}. The next resume finds them at the provider.`;
    run.report.tell({ type: 'notice', level: 'warning', text });
  }
}

/** What the next run should know; unless another has the leases by now, or nothing can be written. */
async function close(
  run: Run,
  take: RunStart,
  { stop, finished, tally }: { stop: Stop | null; finished: boolean; tally: Tally | null },
): Promise<void> {
  const { broken } = run.course;
  if (broken instanceof LeaseLost) return;
  if (broken !== null) run.journal.waitNoMore();
  const at = run.clock.now();
  const byItself = run.course.stop === null ? null : stop;
  const why = take.retry === undefined ? stop : byItself;
  const paused =
    broken !== null ? { reason: 'error', detail: messageOf(broken), at } : why === null || finished ? pauseKept(run, take) : { ...why, at };
  const counted: Change[] = tally === null ? [] : [{ type: 'count', sent: tally.sent, failed: tally.failed }];
  // Who was to be tried again and wants no messages now.
  const left = finished ? [...run.journal.checkpoint.recipients.keys()].map((message): Change => ({ type: 'forget', message })) : [];
  try {
    await run.journal.write({ type: 'header', header: headerOf(run, take, { paused, finished }) }, ...counted, ...left);
  } catch (cause) {
    if (broken !== null || run.course.away) return;
    const text = `how this run ended could not be written to the checkpoint: ${messageOf(cause)}`;
    run.report.tell({ type: 'notice', level: 'warning', text });
  }
}

function exitCodeOf(broken: unknown, stop: Stop | null, progress: Progress, signalCode: () => number): number {
  if (broken !== null) return broken instanceof UserError ? broken.exitCode : EXIT.bug;
  if (stop !== null) return stop.reason === 'signal' ? signalCode() : EXIT_OF[stop.reason];
  return progress.failed > 0 || progress.inDoubt > 0 ? EXIT.someFailed : EXIT.done;
}

/** Failed rows, whose error text begins with a code, by that code. */
export function groupByCode(rows: { error: string; count: number }[]): FailureGroup[] {
  const groups = new Map<string, FailureGroup>();
  for (const { error, count } of rows) {
    const [code = 'unknown', ...rest] = error.split(': ');
    const group = groups.get(code);
    groups.set(code, { code, reason: group?.reason ?? rest.join(': '), count: (group?.count ?? 0) + count });
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}
