import type { Config } from '../config.ts';
import { type Campaign, isBegun } from '../core/campaign.ts';
import { eta } from '../core/estimate.ts';
import type { Event } from '../core/event.ts';
import { type Progress, progressOf } from '../core/progress.ts';
import { formatCount } from '../core/units.ts';
import type { Assumption } from '../engine/assume.ts';
import { keepingLocks } from '../engine/keep-locks.ts';
import { OptOutList } from '../engine/opt-out-list.ts';
import { recover } from '../engine/recover.ts';
import type { Run } from '../engine/run.ts';
import { EXIT, HeldElsewhere, UsageError } from '../errors.ts';
import { type Flags, settingsOf } from '../flags.ts';
import type { Checkpoint, DatabaseLock, LastRuns, Recovered, Report } from '../ports.ts';
import { runCampaign } from '../run-campaign.ts';
import type { World } from '../world.ts';
import { readCount } from './arguments.ts';
import { campaignOf } from './campaign-of.ts';
import { followLock, whileLocked } from './database-lock.ts';
import { policyReader } from './policy-reader.ts';
import { prepareRecipients } from './prepare.ts';
import { sideOf } from './side.ts';
import { watchSignals } from './signals.ts';
import { takeLocks } from './take-locks.ts';

export interface SendingOptions extends Flags {
  limit?: string;
  dryRun?: boolean;
  yes?: boolean;
  sandbox?: boolean;
}

/** How one command conducts a campaign differently from another. */
export interface Conduct {
  /** False only settles what earlier runs left open. Default true. */
  sending?: boolean;
  /** What becomes of those that the look-up leaves in doubt; not while sending. */
  assume?: Assumption | undefined;
  /** Makes failed recipients pending, under the locks and once it was agreed to; their message ids, ascending. Nobody else is sent to. */
  retry?: (report: Report) => Promise<number[]>;
}

/** Conducts one campaign from its locks to its summary; resolves to the exit code. Every command that sends or settles comes through here. */
export async function conduct(
  world: World,
  id: number,
  options: SendingOptions,
  { sending = true, assume, retry }: Conduct = {},
): Promise<number> {
  const data = await world.data();
  const { campaigns, recipients } = data;
  const look = async () => {
    const campaign = await campaignOf(campaigns, id);
    const { header } = await world.view(id);
    return { campaign, header, ...(await sideOf(data, { campaign, header, asked: options.sandbox === true })) };
  };
  const { sandbox, header } = await look();
  const settings = { ...header?.settings, ...settingsOf(options) };
  const config = world.config(sandbox ? 'sandbox' : 'send', settings);
  const limit = readLimit(options);

  await data.fitness.require('sending');
  const provider = await world.provider(config, sandbox);
  const processes = await world.processes();
  const owner = processes.self();
  const takeBoth = () => takeLocks(world, { campaign: id, line: provider.line, owner });
  let checkpoint = await takeBoth();
  const report = await world.report();
  const signals = watchSignals(world, id);
  const getReady = async (campaign: Campaign): Promise<{ progress: Progress; go: boolean }> => {
    const found = await recover(campaign, recipients, checkpoint, await data.lastRuns.of(id));
    const later = tellingLater(report);
    let progress: Progress;
    let count: number;
    try {
      if (sending) await prepareRecipients(world, campaign, later);
      progress = progressOf(await campaigns.tally(id), { inDoubt: found.doubts.length, unstoredSent: 0, unstoredFailed: 0 });
      const now = world.clock.now();
      count = retry === undefined ? progress.pending : progress.failed;
      if (sending) {
        const planned = retry === undefined ? progress : { ...progress, pending: progress.pending + progress.failed, failed: 0 };
        tellPlan(report, { campaign, config, progress: planned, count, found, sandbox, now });
      }
      signals.onBegun({ report, progress, at: now, giveUp: () => giveUp(checkpoint) });
    } finally {
      later.tellAll();
    }
    const question = assume === undefined ? sendingQuestion(sending ? count : 0) : assumingQuestion(assume, found);
    return { progress, go: question === null || sandbox || (await confirmed(world, question, options)) };
  };
  let lock = null as DatabaseLock | null;
  try {
    // A listener whose checkpoint is elsewhere may have the line, and is waited for.
    const held = await keepingLocks(checkpoint, world.clock, async () => {
      lock = await world.databaseLock({ campaign: id, type: 'message_1', line: provider.line, owner });
      return lock;
    });
    // Another run may have been at it until this moment.
    const { campaign, marked, ...now } = await look();
    if (now.sandbox !== sandbox) throw new HeldElsewhere(`another run has begun campaign ${id} at the same moment`, 'Repeat the command.');
    if (sandbox && sending && !marked) await data.sandboxMarks.set(id);
    const { progress, go } = await keepingLocks(checkpoint, world.clock, () => getReady(campaign));
    if (!go) {
      world.outside.stderr.write(
        sending ? `Nothing was sent. Next: wsend ${retry === undefined ? 'resume' : 'retry'} ${id}\n` : 'Nothing was assumed.\n',
      );
      return giveUp(checkpoint);
    }
    // Getting ready may have taken longer than the locks live: SQLite prolongs nothing while it makes a million rows.
    checkpoint = await takeBoth();
    // A run that was suspended until here may not be the last one that had them: what others left counts.
    const latest = await campaignOf(campaigns, id);
    const lastRun = await data.lastRuns.of(id);
    const found = await recover(latest, recipients, checkpoint, lastRun);
    await noteRun(data.lastRuns, { campaign: id, token: owner.token, report });
    const parts = {
      campaign: latest,
      owner,
      campaigns,
      recipients,
      provider: whileLocked(provider, held, world.clock, report),
      clock: world.clock,
      report,
      processes,
      limit,
      type: 'message_1' as const,
      optOuts: new OptOutList(data.optOuts),
      policy: policyReader(world, config, sandbox, settings, report),
    };
    const { signalCode } = signals;
    const onRun = (run: Run) => {
      signals.onRun(run);
      followLock(run, held);
    };
    const again = retry && (() => retry(report));
    const take = { checkpoint, found, progress, sending, begun: isBegun(latest, lastRun), retry: again, assume, sandbox, settings };
    const ending = await runCampaign(parts, take, { onRun, signalCode });
    signals.runIsOver();
    if (ending.broken !== null) throw ending.broken;
    return ending.exitCode;
  } catch (error) {
    await giveUp(checkpoint);
    throw error;
  } finally {
    signals.end();
    await lock?.release();
  }
}

/** `--limit` as typed, or null. */
export function readLimit({ limit }: SendingOptions): number | null {
  return limit === undefined ? null : readCount(limit, '--limit');
}

/** Gives the locks back and leaves the checkpoint as it is. */
async function giveUp(checkpoint: Checkpoint): Promise<number> {
  await checkpoint.release(null).catch(() => undefined);
  return EXIT.usage;
}

/**
 * Notes in the database that this run is the campaign's last, before it claims anything: from then on a checkpoint that another run left in
 * another place is known to be out of date. One who may not create the table is warned and goes on.
 */
async function noteRun(
  lastRuns: LastRuns,
  { campaign, token, report }: { campaign: number; token: string; report: Report },
): Promise<void> {
  try {
    await lastRuns.note(campaign, token);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const text = `${error.message}. Always resume where the last run was, or keep checkpoints in one Redis. ${error.next}`;
    report.tell({ type: 'notice', level: 'warning', text });
  }
}

/** A report that keeps what it is told until `tellAll`: the plan is the first thing that anybody reads. */
function tellingLater(report: Report): Report & { tellAll(): void } {
  const events: Event[] = [];
  return {
    tell: (event) => void events.push(event),
    tellAll: () => {
      for (const event of events) report.tell(event);
    },
  };
}

interface Plan {
  campaign: Campaign;
  config: Config;
  progress: Progress;
  /** How many of the pending are to be sent to. */
  count: number;
  found: Recovered;
  sandbox: boolean;
  now: number;
}

function tellPlan(report: Report, { campaign, config, progress, count, found: { header, pacing }, sandbox, now }: Plan): void {
  const { pace } = config.policy;
  const etaMs = eta(count, pace);
  // A campaign that was left in the middle of a batch goes on in it.
  const begun = header === null || header.finished ? 0 : pacing.sentInBatch % pace.batchSize;
  const batches = count === 0 ? 0 : Math.ceil((begun + count) / pace.batchSize);
  const { id, name } = campaign;
  report.tell({ type: 'plan', campaign: id, name, progress, count, pace, etaMs, endsAt: now + etaMs, batches, sandbox });
}

function sendingQuestion(pending: number): string | null {
  return pending === 0 ? null : `Send to ${formatCount(pending, 'person', 'people')} now?`;
}

function assumingQuestion(assume: Assumption, { claims, doubts }: Recovered): string {
  const open = formatCount(claims.length + doubts.length, 'recipient');
  const fate = assume === 'sent' ? 'be recorded as sent' : 'become pending, and may be sent to again';
  return `Open in the checkpoint: ${open}. Whoever the provider cannot tell of will ${fate}, on your word. Go on?`;
}

/** Asks a person at a terminal; without one, or with --yes, nothing waits for an answer. */
async function confirmed({ outside }: World, question: string, { yes, json }: SendingOptions): Promise<boolean> {
  if (!outside.interactive || yes || json) return true;
  return /^\s*(y|yes)\s*$/i.test(await outside.ask(`${question} [y/N] `));
}
