import { identityOf, type Recipient } from '../core/campaign.ts';
import { type CampaignSettings, CHECKPOINT_VERSION, type Change, type CheckpointHeader } from '../core/checkpoint.ts';
import { type Progress, progressOf } from '../core/progress.ts';
import { type EpochMs, SECOND } from '../core/units.ts';
import { newAccount } from '../loop/account.ts';
import { breakRun, inBackground, newCourse, stopRun } from '../loop/course.ts';
import { CHECKPOINT_PATIENCE } from '../loop/journal.ts';
import { failedOfLine } from '../loop/late-failures.ts';
import { Outbox } from '../loop/outbox.ts';
import type { Line, Run, RunParts } from '../loop/parts.ts';
import { Queue } from '../loop/queue.ts';
import { giveUpWhenStopping } from '../loop/stop-deadline.ts';
import { newBatches } from '../loop/turn.ts';
import type { Tally } from '../ports/campaign-store.ts';
import type { Assumption } from './assume.ts';
import { lookUpWhatMayBeSent } from './lost-checkpoint.ts';
import { openAttempts, settleOpen } from './open-attempts.ts';
import type { Recovered } from './recover.ts';

/** What a run takes up besides its parts. */
export interface RunStart {
  /** What the checkpoint held; see recover. */
  found: Recovered;
  /** Pending rows that would be a second message to one person, by id; left out where no look was taken. */
  duplicates?: readonly number[];
  /** Where everybody stood when it was told what is to be done. */
  progress: Progress;
  /** Makes failed recipients pending; their message ids, ascending. This run sends to no others, and leaves a pause as it is. */
  retry?: (() => Promise<number[]>) | undefined;
  /** Leaves out who is not to be sent to, once it is known who may have been. */
  leaveOut?: (() => Promise<void>) | undefined;
  /** What becomes of those that the look-up leaves in doubt, on the operator's word; not while sending. */
  assume?: Assumption | undefined;
  settings: CampaignSettings;
}

/**
 * Takes a campaign up where it was left. Where its checkpoint cannot be trusted, whatever may have been sent that it does not know of is looked
 * up; then the counters are set to what the database says, and this run knows everything. Claims and doubts that earlier runs left are looked up
 * beside the sending. `startedAt`: when the run began, from which it is timed.
 */
export async function startRun(parts: RunParts, take: RunStart, startedAt: EpochMs): Promise<Run> {
  const { found } = take;
  const { campaign, campaigns, recipients, journal, clock, line, sending } = parts;
  await lookUpWhatMayBeSent(parts, found, take.progress);
  const only = await retryFailed(parts, take);
  await take.leaveOut?.();

  // Where it is not trusted, what it calls settled or waiting was looked up with the rest.
  const waiting = found.trusted ? found.retries : [];
  const known = [...found.claims, ...found.doubts, ...waiting].map(({ message }) => message);
  const { tally, rows } = await countedWith(parts, known);
  const pending = new Map(rows.map((row) => [row.message, row]));
  // Who was left out before does not wait for a retry: wanted again, they are looked up when their turn comes.
  const retries = waiting.filter(({ message }) => pending.get(message)?.skipped === false);
  // Of Message 2, some may go out on another line: the run there has them.
  const others = new Set(pending.keys());
  for (const { message } of await recipients.stillPending(campaign.id, [...pending.keys()])) others.delete(message);
  const kept = new Set(
    [...found.claims, ...found.doubts, ...retries].map(({ message }) => message).filter((message) => pending.has(message)),
  );
  const gone = [...journal.checkpoint.recipients.keys()].filter((message) => !kept.has(message));
  await journal.write(
    ...gone.map((message): Change => ({ type: 'forget', message })),
    { type: 'count', sent: tally.sent, failed: tally.failed },
    { type: 'header', header: headerOf(parts, take, { paused: pauseKept(parts, take), finished: false }) },
    { type: 'know', server: found.server },
  );
  if (sending && tally.pending > 0) await campaigns.setStatus(campaign.id, 'sending');

  const inDoubt = found.doubts.filter(({ message }) => pending.get(message)?.skipped === false).length;
  const progress = progressOf(tally, { inDoubt, unstoredSent: 0, unstoredFailed: 0 });
  line.pacing = pacingAfter(line, parts, found);
  const queue: Queue = new Queue(campaign.id, recipients, { pageSize: () => pageSize(run), leftOut: kept, only, others });
  const ofLine = tally.failed > 0 ? await failedOfLine(parts) : { count: 0 };
  const run: Run = {
    ...parts,
    queue,
    outbox: outboxOf(parts),
    batches: newBatches(parts.policy()),
    account: newAccount(progress, only === undefined ? 0 : Math.max(0, progress.pending - only.length), startedAt, ofLine.count),
    lookUps: { underWay: 0, left: [] },
    course: newCourse(),
  };
  listen(run);

  for (const { message, attempts, dueAt } of retries) {
    const recipient = pending.get(message);
    if (recipient !== undefined) queue.retry({ recipient: { ...recipient, marked: found.mayHaveForgotten }, attempts }, dueAt, clock.now());
  }
  const open = openAttempts(run, found, pending);
  if (open.length > 0) inBackground(run, settleOpen(run, open));
  return run;
}

/** The header of this run's checkpoint. */
export function headerOf(
  { campaign }: Pick<RunParts, 'campaign'>,
  { settings }: Pick<RunStart, 'settings'>,
  state: Pick<CheckpointHeader, 'paused' | 'finished'>,
): CheckpointHeader {
  return { version: CHECKPOINT_VERSION, identity: identityOf(campaign), settings, ...state };
}

/** The pause that the checkpoint held, which only a run that sends to everybody pending ends. */
export function pauseKept({ sending }: RunParts, { retry, found }: RunStart): CheckpointHeader['paused'] {
  return sending && retry === undefined ? null : (found.header?.paused ?? null);
}

/**
 * Makes those pending who are to be tried again, once it is known who may have been sent: one who failed certainly was not, and must not hide one
 * who may have been. The campaign is unfinished from then on, whatever becomes of this run, so first of all its checkpoint must not expire;
 * a run that has lost its lease ends there.
 */
async function retryFailed(parts: RunParts, take: RunStart): Promise<number[] | undefined> {
  if (take.retry === undefined) return undefined;
  await parts.journal.write({ type: 'header', header: headerOf(parts, take, { paused: pauseKept(parts, take), finished: false }) });
  return take.retry();
}

/**
 * The rows that the checkpoint knows of and that are still pending, and the counts of the same moment: a run that was only suspended may be
 * recording what it knew, and the recipients it records must be counted once, here or when the look-up finds them.
 */
async function countedWith({ campaign, campaigns, everyone }: RunParts, known: number[]): Promise<{ tally: Tally; rows: Recipient[] }> {
  let tally = await campaigns.tally(campaign.id);
  if (known.length === 0) return { tally, rows: [] };
  for (;;) {
    const rows = await everyone.stillPending(campaign.id, known);
    const after = await campaigns.tally(campaign.id);
    if (after.sent + after.failed === tally.sent + tally.failed) return { tally, rows };
    tally = after;
  }
}

/** A new campaign starts a new batch; Message 2 is sent in those of the line. What the store may have forgotten, it may have forgotten of the pace too. */
function pacingAfter({ pacing }: Line, { clock, type }: RunParts, { header, mayHaveForgotten }: Recovered): Line['pacing'] {
  const kept = mayHaveForgotten ? { ...pacing, lastStart: clock.now() } : pacing;
  const goesOn = type === 'message_2' || (header !== null && !header.finished);
  return goesOn ? kept : { ...kept, sentInBatch: 0, throttled: false };
}

/** What others ask of the run, and the end of its leases and of its checkpoint. */
function listen(run: Run): void {
  const { lease, line, journal, report, campaign, course } = run;
  lease.onWish((name, wish) => {
    if (wish === 'pause') stopRun(run, 'pause', 'asked for by wsend pause');
    else if (name === line.name) line.message2Due = true;
    line.bell.wake();
  });
  for (const { lost } of new Set([lease, line.lease])) {
    const end = () => breakRun(run, lost.reason);
    if (lost.aborted) end();
    else lost.addEventListener('abort', end, { once: true, signal: course.ended.signal });
  }
  giveUpWhenStopping(run);
  journal.listener = {
    unreachable: (since, { message: detail }) =>
      report.tell({ type: 'rest', campaign: campaign.id, reason: 'checkpoint', until: since + CHECKPOINT_PATIENCE, detail }),
    reachable: () => report.tell({ type: 'go_on', campaign: campaign.id }),
  };
}

function outboxOf({ campaign, recipients, journal, clock, report, line }: RunParts): Outbox {
  return new Outbox(campaign.id, recipients, journal, clock, {
    unreachable: (error) => report.tell({ type: 'notice', level: 'warning', text: error.message }),
    reachable: () => report.tell({ type: 'notice', level: 'info', text: 'the database answers again' }),
    written: () => line.bell.wake(),
  });
}

/** Rows read at a time: what is sent in about half a minute, so that a row changed by others is not sent long after. */
function pageSize({ batches }: Run): number {
  return Math.max(10, Math.min(500, Math.ceil((30 * SECOND) / Math.max(1, batches.pace.delayMs))));
}
