import type { Config } from '../config.ts';
import type { Campaign } from '../core/campaign.ts';
import { eta } from '../core/eta.ts';
import type { Event } from '../core/event.ts';
import { type Progress, progressOf, withDuplicates } from '../core/progress.ts';
import { formatCount } from '../core/units.ts';
import { EXIT } from '../errors.ts';
import { type Flags, settingsOf } from '../flags.ts';
import { OptOutList } from '../loop/opt-out-list.ts';
import type { Line } from '../loop/parts.ts';
import { type FoundPersons, findPersons, Persons } from '../loop/persons.ts';
import type { Options } from '../options.ts';
import type { Report } from '../ports/event-sink.ts';
import type { RecentRule } from '../ports/recent-texts.ts';
import { runCampaign } from '../run-campaign.ts';
import type { World } from '../world.ts';
import { announceIfSlow } from './announce-if-slow.ts';
import { readCount } from './arguments.ts';
import type { Assumption } from './assume.ts';
import { campaignOf, refuseCancelled } from './campaign-of.ts';
import { confirmLiteral, readyTexts } from './check-texts.ts';
import { policyReader } from './policy-reader.ts';
import { prepareRecipients } from './prepare-campaign.ts';
import {
  againWarning,
  getsItAgain,
  leavingNow,
  leavingOut,
  refuseNobody,
  type SameText,
  sameTextWords,
  watchSameText,
} from './recent-check.ts';
import type { Recovered } from './recover.ts';
import { sendDueMessage2 } from './send-message-2.ts';
import { watchSignals } from './signals.ts';
import { namesOf, type Opened, takeLease, underLease } from './under-lease.ts';

export type SendingOptions = Flags & Pick<Options, 'limit' | 'dryRun' | 'yes' | 'skipInvalid' | 'skipRecent'>;

/** How one command conducts a campaign differently from another. */
export interface RunMode {
  /** False only settles what earlier runs left open. Default true. */
  sending?: boolean;
  /** What becomes of those that the look-up leaves in doubt; not while sending. */
  assume?: Assumption | undefined;
  /** Makes failed recipients pending but for those whose person has another message, under the lease and once it was agreed to; their message ids, ascending. Nobody else is sent to. */
  retry?: (report: Report, except: ReadonlySet<number>) => Promise<number[]>;
  /** It was just made of a file, with those left out who had its text lately: no one is looked for. */
  justMade?: boolean;
  /** What becomes of those who had its text lately, decided again for a draft that is taken up again. */
  rule?: RecentRule | undefined;
}

/** Conducts one campaign from its lease to its summary; resolves to the exit code. Every command that sends or settles Message 1 comes through here. */
export async function runStream(
  world: World,
  id: number,
  options: SendingOptions,
  { sending = true, assume, retry, justMade = false, rule }: RunMode = {},
): Promise<number> {
  const { campaigns, recipients, optOuts, recentTexts } = await world.dataToWrite();
  const campaign = await campaignOf(campaigns, id);
  const limit = readLimit(options);
  const provider = await world.provider(world.config(world.purpose, settingsOf(options)));
  const processes = await world.processes();
  const owner = { ...processes.self(), purpose: `campaign ${id}` };
  const report = await world.report();
  const stream = { campaign, type: 'message_1', recipients, provider, owner, line: null } as const;
  const lease = await takeLease(world, { names: namesOf(stream), owner });
  const signals = watchSignals(world, id, () => lease.release());

  const getReady = async ({ found, line }: Opened, campaign: Campaign, config: Config): Promise<Ready> => {
    const later = tellingLater(report);
    let progress: Progress;
    let count: number;
    let people: FoundPersons = { persons: new Persons(), duplicates: [], notAgain: [] };
    let sameText: SameText | null = null;
    try {
      const leftOut = sending ? await prepareRecipients(world, campaign, later, options) : 0;
      if (sending)
        await readyTexts(world, campaign, {
          fresh: found.header === null && retry === undefined,
          failed: retry !== undefined,
          skipInvalid: options.skipInvalid === true,
          confirm: (literal, first) => confirmLiteral(world, options, { literal, first, ask: true }),
          report: later,
        });
      if (rule !== undefined) await recentTexts.decide(id, rule);
      const tally = await campaigns.tally(id);
      if (sending) {
        const watch = await watchSameText(world, campaign, { look: !justMade });
        const pass = { campaign: id, total: tally.total, open: openIn(found), failed: retry !== undefined, see: watch?.see };
        people = await announceIfSlow(world, 'Looking for people who are there twice', findPersons(recipients, pass));
        const twice = new Set([...people.duplicates, ...people.notAgain]);
        sameText = (await watch?.result({ skipRecent: options.skipRecent, found, twice })) ?? null;
      }
      progress = progressOf(tally, { inDoubt: found.doubts.length, unstoredSent: 0, unstoredFailed: 0 });
      const now = world.clock.now();
      const planned = leavingOut(plannedProgress(progress, people, retry !== undefined), sameText);
      count = retry === undefined ? planned.pending : progress.failed - people.notAgain.length - leavingNow(sameText);
      if (sameText !== null && count === 0 && isFresh(progress)) refuseNobody(id, sameText);
      if (sending) {
        const duplicates = leftOut + (planned.duplicates ?? 0);
        tellPlan(report, { campaign, config, progress: planned, count, duplicates, found, line, sandbox: world.sandbox, now, sameText });
      }
      signals.onBegun({ report, progress, at: now });
    } finally {
      later.tellAll();
    }
    const question = assume === undefined ? sendingQuestion(sending ? count : 0, sameText) : assumingQuestion(assume, found);
    const go = question === null || world.sandbox || (await confirmed(world, question, options));
    if (go && !isAsked(world, options) && getsItAgain(sameText))
      report.tell({ type: 'notice', level: 'warning', text: againWarning(sameText) });
    return { people, progress, go, sameText };
  };

  try {
    // Another run may have been at it until this moment.
    const latest = { ...stream, campaign: await campaignOf(campaigns, id) };
    if (sending) refuseCancelled(latest.campaign);
    return await underLease(world, lease, latest, async (opened) => {
      const { campaign } = latest;
      const settings = { ...opened.found.header?.settings, ...settingsOf(options) };
      const config = world.config(world.purpose, settings);
      const { people, progress, go, sameText } = await getReady(opened, campaign, config);
      if (!go) {
        const next = world.nextStep(`wsend ${retry === undefined ? 'resume' : 'retry'} ${id}`);
        world.outside.stderr.write(sending ? `Nothing was sent. Next: ${next}\n` : 'Nothing was assumed.\n');
        return EXIT.usage;
      }
      const { found, ...held } = opened;
      const parts = {
        ...latest,
        ...held,
        campaigns,
        clock: world.clock,
        report,
        processes,
        limit,
        sending,
        optOuts: new OptOutList(optOuts),
        persons: people.persons,
        policy: policyReader(world, config, settings, report),
        everyone: recipients,
        sendMessage2: sendDueMessage2(world),
        onIdle: null,
      };
      const leaveOut = async () => {
        if (!sameText?.leaveOut) return;
        // First of all, so that a run that is killed in the middle of it leaves out the others, too.
        if (options.skipRecent) await recentTexts.decide(id, 'leave_out');
        await recentTexts.leaveOut(id, sameText.rows);
      };
      const again = retry && (() => retry(report, new Set(people.notAgain)));
      const take = { found, progress, duplicates: people.duplicates, retry: again, leaveOut, assume, settings };
      const ending = await runCampaign(parts, take, signals);
      signals.runIsOver();
      if (ending.broken !== null) throw ending.broken;
      return ending.exitCode;
    });
  } finally {
    signals.end();
    await lease.release();
  }
}

/** `--limit` as typed, or null. */
export function readLimit({ limit }: SendingOptions): number | null {
  return limit === undefined ? null : readCount(limit, '--limit');
}

/** A report that keeps what it is told until `tellAll`: the plan is the first thing that a person reads. */
function tellingLater(report: Report): Report & { tellAll(): void } {
  const events: Event[] = [];
  return {
    tell: (event) => void events.push(event),
    tellAll: () => {
      for (const event of events) report.tell(event);
    },
  };
}

/** What is known before anything is sent, and whether it may begin. */
interface Ready {
  people: FoundPersons;
  /** Null where no look was taken. */
  sameText: SameText | null;
  progress: Progress;
  go: boolean;
}

/** The messages that a checkpoint has claimed or in doubt. */
function openIn({ claims, doubts }: Pick<Recovered, 'claims' | 'doubts'>): Set<number> {
  return new Set([...claims, ...doubts].map(({ message }) => message));
}

/** Where everybody will stand once who is there twice has failed, and who is to be tried again is pending. */
function plannedProgress(progress: Progress, { duplicates, notAgain }: FoundPersons, retries: boolean): Progress {
  const planned = withDuplicates(progress, Math.min(duplicates.length, progress.pending));
  if (!retries) return planned;
  const again = progress.failed - notAgain.length;
  return { ...planned, pending: planned.pending + again, failed: planned.failed - again };
}

interface Plan {
  campaign: Campaign;
  config: Config;
  progress: Progress;
  /** How many of the pending are to be sent to. */
  count: number;
  /** Who is there twice, whatever has become of it. */
  duplicates: number;
  found: Recovered;
  line: Line;
  sandbox: boolean;
  now: number;
  sameText: SameText | null;
}

function tellPlan(
  report: Report,
  { campaign, config, progress, count, duplicates, found: { header }, line, sandbox, now, sameText }: Plan,
): void {
  const { pace } = config.policy;
  const etaMs = eta(count, pace);
  // A campaign that was left in the middle of a batch continues in it.
  const begun = header === null || header.finished ? 0 : line.pacing.sentInBatch % pace.batchSize;
  const batches = count === 0 ? 0 : Math.ceil((begun + count) / pace.batchSize);
  const { id, name } = campaign;
  const recent = sameText === null ? undefined : { count: sameText.count, leftOut: sameText.leaveOut, days: sameText.days };
  report.tell({
    type: 'plan',
    campaign: id,
    name,
    progress,
    count,
    duplicates,
    pace,
    etaMs,
    endsAt: now + etaMs,
    batches,
    sandbox,
    recent,
  });
}

function sendingQuestion(pending: number, sameText: SameText | null): string | null {
  if (pending === 0) return null;
  const all = formatCount(pending, 'person', 'people');
  if (!getsItAgain(sameText)) return `Send to ${all} now?`;
  return `${sameTextWords(sameText)}; --skip-recent leaves them out. Send to all ${all} now?`;
}

function assumingQuestion(assume: Assumption, { claims, doubts }: Recovered): string {
  const count = claims.length + doubts.length;
  const open = `${formatCount(count, 'recipient')} ${count === 1 ? 'is' : 'are'} in doubt`;
  const those = 'Recipients that the provider cannot confirm';
  return assume === 'sent'
    ? `${open}. ${those} will be recorded as sent. Continue?`
    : `${open}. ${those} become pending: resume sends to them again, and they may receive the message twice. Continue?`;
}

/** Asks a person at a terminal; without one, or with --yes, nothing waits for an answer. */
async function confirmed(world: World, question: string, options: SendingOptions): Promise<boolean> {
  const { outside } = world;
  if (!isAsked(world, options)) return true;
  return /^\s*(y|yes)\s*$/i.test(await outside.ask(`${question} [y/N] `));
}

function isAsked({ outside }: World, { yes, json }: SendingOptions): boolean {
  return outside.interactive && !yes && !json;
}

/** Nothing has become of anybody yet. */
function isFresh({ sent, failed, inDoubt }: Progress): boolean {
  return sent + failed + inDoubt === 0;
}
