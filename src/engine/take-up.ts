import type { Campaign, Recipient } from '../core/campaign.ts';
import type { Finding } from '../core/outcome.ts';
import type { PacingState } from '../core/pacing.ts';
import { type Progress, progressOf } from '../core/progress.ts';
import { MINUTE, type Milliseconds, SECOND } from '../core/units.ts';
import { UsageError } from '../errors.ts';
import type { CampaignSettings, Change, Checkpoint, CheckpointHeader, Claim, RecipientStore, Recovered, Tally } from '../ports.ts';
import type { Assumption } from './assume.ts';
import { Bell } from './bell.ts';
import { leaveInDoubt, settleByFinding } from './doubt.ts';
import { type Addressed, readdress } from './envelope.ts';
import { CHECKPOINT_PATIENCE, Journal, type JournalListener } from './journal.ts';
import { lookUpAll } from './look-up.ts';
import { lookUpWhatMayBeSent } from './lost-checkpoint.ts';
import { Outbox } from './outbox.ts';
import { Queue } from './queue.ts';
import { beside, newRun, type Run, type RunParts, stopRun } from './run.ts';
import { putBack } from './settle.ts';

/**
 * A claim of a run that cannot be seen from here is over when it is this old: no call is begun more than 10 s after its claim, and the rest
 * is room for calls that hang and for clocks that differ between machines.
 */
const SURELY_OVER: Milliseconds = 10 * MINUTE;

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

/** Tells a campaign from one with the same id in another or a recreated database: when it was created, to the second. */
export function identityOf(campaign: Campaign): string {
  return campaign.createdAt === null ? 'undated' : `created ${new Date(Math.floor(campaign.createdAt / 1_000) * 1_000).toISOString()}`;
}

/**
 * Reads the checkpoint, and gives the database the outcomes that only the checkpoint has. The first thing that a run does under its locks.
 * `lastRun` is the run that the database says was the last (null: it says nothing); the checkpoint of an earlier one is out of date.
 */
export async function recover(
  campaign: Campaign,
  recipients: RecipientStore,
  checkpoint: Checkpoint,
  lastRun: string | null = null,
): Promise<Recovered> {
  const found = belongsTo(campaign, await checkpoint.recover());
  if (found.header !== null && lastRun !== null && found.header.run !== lastRun) return outOfDate(campaign, recipients, checkpoint, found);
  if (found.outcomes.length > 0) {
    await recipients.record(campaign.id, found.outcomes);
    await checkpoint.commit([{ type: 'stored', messages: found.outcomes.map(({ message }) => message) }], null);
  }
  return found;
}

/**
 * A checkpoint that a later run, elsewhere, knew nothing of counts as lost, with what is still true of it kept: an acceptance is a fact, and
 * a claim or a doubt is looked up. A failure or a wait for a retry may have been overtaken by an attempt of the later run.
 */
async function outOfDate(campaign: Campaign, recipients: RecipientStore, checkpoint: Checkpoint, found: Recovered): Promise<Recovered> {
  const accepted = found.outcomes.filter(({ kind }) => kind === 'sent');
  if (accepted.length > 0) await recipients.record(campaign.id, accepted);
  const dropped: Change[] = [
    { type: 'stored', messages: found.outcomes.map(({ message }) => message) },
    ...found.retries.map(({ message }): Change => ({ type: 'forget', message })),
  ];
  await checkpoint.commit(dropped, null);
  return { ...found, header: null, outcomes: accepted, retries: [] };
}

/**
 * Takes a campaign up where it was left. Where its checkpoint was lost, or may have lost its last seconds, whatever may have been sent that it
 * does not know of is looked up; then the counters are set to what the database says. Claims and doubts that earlier runs left are looked up beside the sending.
 */
export async function takeUp(parts: RunParts, take: TakeUp): Promise<Run> {
  const { checkpoint, found, sending, begun, assume } = take;
  const { campaign, campaigns, recipients } = parts;
  if (begun) await lookUpWhatMayBeSent(parts, found);
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

/** The checkpoint of this campaign; that of a finished one with the same number in an earlier database counts as none. */
function belongsTo(campaign: Campaign, found: Recovered): Recovered {
  if (found.header === null || found.header.identity === identityOf(campaign)) return found;
  if (found.header.finished) return { header: null, claims: [], outcomes: [], doubts: [], retries: [], pacing: found.pacing };
  throw new UsageError(
    `the checkpoint of campaign ${campaign.id} belongs to another campaign with that number (${found.header.identity}; this one: ${identityOf(campaign)})`,
    'Give each database a checkpoint of its own: another database number in REDIS_URL, or another folder for wsend.db.',
  );
}

/** An attempt that an earlier run left without an outcome. */
interface OpenAttempt {
  claim: Claim;
  message: Addressed;
}

function openAttempts(run: Run, { claims, doubts }: Recovered, pending: Map<number, Recipient>): OpenAttempt[] {
  const opened = (claim: Claim, standing: Addressed['standing']) => {
    const recipient = pending.get(claim.message);
    if (recipient === undefined) return [];
    const from = recipient.skipped ? 'skipped' : standing;
    return [{ claim, message: readdress(run, { recipient, attempts: claim.attempt - 1 }, claim, from) }];
  };
  return [...claims.flatMap((claim) => opened(claim, 'pending')), ...doubts.flatMap((doubt) => opened(doubt, 'inDoubt'))];
}

/**
 * Settles what earlier runs left open. Absent counts only when the run that made the claim was surely over before it was looked up: until
 * then its request may have been on the way, and what arrives at the last moment is listed later. One that has ended meanwhile is looked up anew.
 */
async function settleOpen(run: Run, open: OpenAttempt[]): Promise<void> {
  const wereOver = open.map(({ claim }) => isOver(run, claim));
  const wanted = open.map(({ claim }) => claim);
  const findings = await lookUpAll({ ...run, lookupMs: run.current.lookupMs }, wanted, run.hurry.signal);
  const again: OpenAttempt[] = [];
  const settling = open.map((attempt, i) => {
    const { claim, message } = attempt;
    const finding = findings[i] as Finding;
    if (finding.kind !== 'absent') return settleByFinding(run, message, finding, claim);
    if (wereOver[i]) return putBack(run, message, run.clock.now());
    if (isOver(run, claim)) return void again.push(attempt);
    const { host, pid } = claim.owner;
    const reason = `the provider does not list it, but the run that claimed it (process ${pid} on ${host}) may not be over`;
    return leaveInDoubt(run, { message, claim, reason, answered: true });
  });
  await Promise.all(settling);
  if (again.length > 0) await settleOpen(run, again);
}

function isOver(run: Run, { owner, at }: Claim): boolean {
  const fate = owner.token === run.owner.token ? 'over' : run.processes.fate(owner);
  return fate === 'over' || (fate === 'unknowable' && run.clock.now() - at >= SURELY_OVER);
}
