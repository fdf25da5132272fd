import type { Recipient } from '../core/campaign.ts';
import type { PacingState } from '../core/pacing.ts';
import { type Progress, progressOf } from '../core/progress.ts';
import { SECOND } from '../core/units.ts';
import type { CampaignSettings, Checkpoint, CheckpointHeader, Recovered, Tally } from '../ports.ts';
import type { Assumption } from './assume.ts';
import { Bell } from './bell.ts';
import { CHECKPOINT_PATIENCE, Journal, type JournalListener } from './journal.ts';
import { lookUpWhatMayBeSent } from './lost-checkpoint.ts';
import { openAttempts, settleOpen } from './open-attempts.ts';
import { Outbox } from './outbox.ts';
import { Queue } from './queue.ts';
import { identityOf } from './recover.ts';
import { beside, newRun, type Run, type RunParts, stopRun } from './run.ts';

/** What a run takes up besides its parts. */
export interface TakeUp {
  checkpoint: Checkpoint;
  /** What the checkpoint held; see recover. */
  found: Recovered;
  /** Where everybody stood when it was told what is to be done. */
  progress: Progress;
  /** False only settles what is open, and leaves the campaign as it is otherwise. */
  sending: boolean;
  /** True when an earlier run may have sent something. */
  begun: boolean;
  /** Makes failed recipients pending; their message ids, ascending. This run sends to nobody else, and leaves a pause as it is. */
  retry?: (() => Promise<number[]>) | undefined;
  /** What becomes of those that the look-up leaves in doubt, on the operator's word; not while sending. */
  assume?: Assumption | undefined;
  sandbox: boolean;
  settings: CampaignSettings;
}

/**
 * Takes a campaign up where it was left. Where its checkpoint was lost, or may have lost its last seconds, whatever may have been sent that it
 * does not know of is looked up; then the counters are set to what the database says. Claims and doubts that earlier runs left are looked up beside the sending.
 */
export async function takeUp(parts: RunParts, take: TakeUp): Promise<Run> {
  const { checkpoint, found, sending, assume } = take;
  const { campaign, campaigns, recipients } = parts;
  await lookUpWhatMayBeSent(parts, take);
  const only = await retryFailed(parts, take);

  const known = [...found.claims, ...found.doubts, ...found.retries].map(({ message }) => message);
  const { tally, rows } = await countedWith(parts, known);
  await checkpoint.begin(headerOf(parts, take, { paused: pauseKept(take), finished: false }), tally);
  if (sending && tally.pending > 0) await campaigns.setStatus(campaign.id, 'sending');

  const pending = new Map(rows.map((row) => [row.message, row]));
  const inDoubt = found.doubts.filter(({ message }) => pending.get(message)?.skipped === false).length;
  // Who was left out before does not wait for a retry: wanted again, they are looked up when their turn comes.
  const retries = found.retries.filter(({ message }) => pending.get(message)?.skipped === false);
  const elsewhere = [...found.claims, ...found.doubts, ...retries].map(({ message }) => message).filter((message) => pending.has(message));
  const progress = progressOf(tally, { inDoubt, unstoredSent: 0, unstoredFailed: 0 });

  const { journal, outbox, listener, bell } = instruments(parts, checkpoint);
  const queue: Queue = new Queue(campaign.id, recipients, { pageSize: () => pageSize(run), leftOut: elsewhere, only });
  const run = newRun(parts, { sending, checkpoint, journal, outbox, queue, bell, progress, pacing: pacingAfter(found, parts) });
  if (assume !== undefined) run.leftInDoubt = [];
  if (only !== undefined) run.othersPending = Math.max(0, progress.pending - only.length);
  listener.pauseRequested = () => stopRun(run, 'pause', 'asked for by wsend pause');
  listener.lineWanted = () => {
    // Message 2 goes before Message 1, and before nothing else.
    run.lineWanted = run.type === 'message_1';
    if (run.lineWanted) run.bell.ring();
  };

  // What the database holds as settled by now, or as left out, the checkpoint need not know.
  const kept = new Set(elsewhere);
  await Promise.all(known.filter((message) => !kept.has(message)).map((message) => journal.write({ type: 'forget', message })));
  for (const { message, attempts, dueAt } of retries) {
    const recipient = pending.get(message);
    if (recipient !== undefined)
      queue.retry({ recipient: { ...recipient, marked: found.mayHaveForgotten === true }, attempts }, dueAt, parts.clock.now());
  }
  const open = openAttempts(run, found, pending);
  if (open.length > 0) beside(run, settleOpen(run, open));
  return run;
}

/** The header of this run's checkpoint. */
export function headerOf(
  { campaign, owner }: Pick<RunParts, 'campaign' | 'owner'>,
  { sandbox, settings }: TakeUp,
  state: Pick<CheckpointHeader, 'paused' | 'finished'>,
): CheckpointHeader {
  return { identity: identityOf(campaign), run: owner.token, sandbox, settings, ...state };
}

/** The pause that the checkpoint held, which only a run that sends to everybody pending ends. */
export function pauseKept({ sending, retry, found }: TakeUp): CheckpointHeader['paused'] {
  return sending && retry === undefined ? null : (found.header?.paused ?? null);
}

/**
 * Makes those pending who are to be tried again, once it is known who may have been sent: one who failed surely was not, and must not hide one
 * who may have been. The campaign is unfinished from then on, whatever becomes of this run, so first of all its checkpoint must not expire.
 */
async function retryFailed({ campaign, campaigns }: RunParts, { checkpoint, found, retry }: TakeUp): Promise<number[] | undefined> {
  if (retry !== undefined && found.header?.finished)
    await checkpoint.begin({ ...found.header, finished: false }, await campaigns.tally(campaign.id));
  return retry?.();
}

/**
 * The rows that the checkpoint knows of and that are still pending, and the counts of the same moment: a run that was only suspended may be
 * recording what it knew, and whom it records must be counted once, here or when the look-up finds them.
 */
async function countedWith({ campaign, campaigns, recipients }: RunParts, known: number[]): Promise<{ tally: Tally; rows: Recipient[] }> {
  let tally = await campaigns.tally(campaign.id);
  if (known.length === 0) return { tally, rows: [] };
  for (;;) {
    const rows = await recipients.stillPending(campaign.id, known);
    const after = await campaigns.tally(campaign.id);
    if (after.sent + after.failed === tally.sent + tally.failed) return { tally, rows };
    tally = after;
  }
}

/**
 * The line's pace goes on where it was; the batches of a campaign that begins are its own, and Message 2 is sent in those of the line. When a
 * run left claims open (of this campaign or of another on the line), or its checkpoint may have forgotten some, its last send may have begun
 * after what is written there: a whole delay from now, then.
 */
function pacingAfter(
  { header, claims, pacing: { claimed, ...pacing }, mayHaveForgotten }: Recovered,
  { clock, type }: RunParts,
): PacingState {
  const lastStart = claims.length > 0 || claimed || mayHaveForgotten ? clock.now() : pacing.lastStart;
  if (type === 'message_2') return { ...pacing, lastStart };
  return header === null || header.finished ? { lastStart, sentInBatch: 0, notBefore: pacing.notBefore } : { ...pacing, lastStart };
}

/** The journal and the outbox, telling what they meet. */
function instruments({ campaign, recipients, clock, report }: RunParts, checkpoint: Checkpoint) {
  const bell = new Bell();
  const listener: JournalListener = {
    pauseRequested: () => undefined,
    lineWanted: () => undefined,
    unreachable: (since, { message: detail }) =>
      report.tell({ type: 'rest', campaign: campaign.id, reason: 'checkpoint', until: since + CHECKPOINT_PATIENCE, detail }),
    reachable: () => report.tell({ type: 'go_on', campaign: campaign.id }),
  };
  const journal = new Journal(checkpoint, clock, listener);
  const outbox = new Outbox(campaign.id, recipients, journal, clock, {
    unreachable: (error) => report.tell({ type: 'notice', level: 'warning', text: error.message }),
    reachable: () => report.tell({ type: 'notice', level: 'info', text: 'the database answers again' }),
    written: () => bell.ring(),
  });
  return { journal, outbox, listener, bell };
}

/** Rows read at a time: what is sent in about half a minute, so that a row changed by others is not sent long after. */
function pageSize(run: Run): number {
  return Math.max(10, Math.min(500, Math.ceil((30 * SECOND) / Math.max(1, run.pace.delayMs))));
}
