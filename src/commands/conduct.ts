import type { Config } from '../config.ts';
import type { Campaign } from '../core/campaign.ts';
import { eta } from '../core/estimate.ts';
import type { Event } from '../core/event.ts';
import { type Progress, progressOf, withDuplicates } from '../core/progress.ts';
import { formatCount } from '../core/units.ts';
import type { Assumption } from '../engine/assume.ts';
import type { Line } from '../engine/line.ts';
import { OptOutList } from '../engine/opt-out-list.ts';
import { type FoundPersons, findPersons, Persons } from '../engine/persons.ts';
import type { Recovered } from '../engine/recover.ts';
import { EXIT } from '../errors.ts';
import { type Flags, settingsOf } from '../flags.ts';
import type { Report } from '../ports.ts';
import { runCampaign } from '../run-campaign.ts';
import type { World } from '../world.ts';
import { readCount } from './arguments.ts';
import { campaignOf, refuseCancelled } from './campaign-of.ts';
import { confirmLiteral, readyTexts } from './check-texts.ts';
import { namesOf, type Opened, takeLease, underLease } from './lease.ts';
import { sendDueMessage2 } from './message-2.ts';
import { policyReader } from './policy-reader.ts';
import { prepareRecipients } from './prepare.ts';
import { watchSignals } from './signals.ts';
import { slowly } from './slowly.ts';

export interface SendingOptions extends Flags {
  limit?: string;
  dryRun?: boolean;
  yes?: boolean;
  skipInvalid?: boolean;
}

/** How one command conducts a campaign differently from another. */
export interface Conduct {
  /** False only settles what earlier runs left open. Default true. */
  sending?: boolean;
  /** What becomes of those that the look-up leaves in doubt; not while sending. */
  assume?: Assumption | undefined;
  /** Makes failed recipients pending but for those whose person has another message, under the lease and once it was agreed to; their message ids, ascending. Nobody else is sent to. */
  retry?: (report: Report, except: ReadonlySet<number>) => Promise<number[]>;
}

/** Conducts one campaign from its lease to its summary; resolves to the exit code. Every command that sends or settles Message 1 comes through here. */
export async function conduct(
  world: World,
  id: number,
  options: SendingOptions,
  { sending = true, assume, retry }: Conduct = {},
): Promise<number> {
  const { campaigns, recipients, optOuts } = await world.dataToWrite();
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
      const tally = await campaigns.tally(id);
      if (sending)
        people = await slowly(
          world,
          'Looking for people who are there twice',
          findPersons(recipients, { campaign: id, total: tally.total, open: openIn(found), failed: retry !== undefined }),
        );
      progress = progressOf(tally, { inDoubt: found.doubts.length, unstoredSent: 0, unstoredFailed: 0 });
      const now = world.clock.now();
      const planned = plannedProgress(progress, people, retry !== undefined);
      count = retry === undefined ? planned.pending : progress.failed - people.notAgain.length;
      if (sending) {
        const duplicates = leftOut + (planned.duplicates ?? 0);
        tellPlan(report, { campaign, config, progress: planned, count, duplicates, found, line, sandbox: world.sandbox, now });
      }
      signals.onBegun({ report, progress, at: now });
    } finally {
      later.tellAll();
    }
    const question = assume === undefined ? sendingQuestion(sending ? count : 0) : assumingQuestion(assume, found);
    return { people, progress, go: question === null || world.sandbox || (await confirmed(world, question, options)) };
  };

  try {
    // Another run may have been at it until this moment.
    const latest = { ...stream, campaign: await campaignOf(campaigns, id) };
    if (sending) refuseCancelled(latest.campaign);
    return await underLease(world, lease, latest, async (opened) => {
      const { campaign } = latest;
      const settings = { ...opened.found.header?.settings, ...settingsOf(options) };
      const config = world.config(world.purpose, settings);
      const { people, progress, go } = await getReady(opened, campaign, config);
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
      const again = retry && (() => retry(report, new Set(people.notAgain)));
      const take = { found, progress, duplicates: people.duplicates, retry: again, assume, settings };
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

/** What is known before anything is sent, and whether it may begin. */
interface Ready {
  people: FoundPersons;
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
}

function tellPlan(report: Report, { campaign, config, progress, count, duplicates, found: { header }, line, sandbox, now }: Plan): void {
  const { pace } = config.policy;
  const etaMs = eta(count, pace);
  // A campaign that was left in the middle of a batch goes on in it.
  const begun = header === null || header.finished ? 0 : line.pacing.sentInBatch % pace.batchSize;
  const batches = count === 0 ? 0 : Math.ceil((begun + count) / pace.batchSize);
  const { id, name } = campaign;
  report.tell({ type: 'plan', campaign: id, name, progress, count, duplicates, pace, etaMs, endsAt: now + etaMs, batches, sandbox });
}

function sendingQuestion(pending: number): string | null {
  return pending === 0 ? null : `Send to ${formatCount(pending, 'person', 'people')} now?`;
}

function assumingQuestion(assume: Assumption, { claims, doubts }: Recovered): string {
  const count = claims.length + doubts.length;
  const open = `${formatCount(count, 'recipient')} ${count === 1 ? 'is' : 'are'} in doubt`;
  const those = 'Those whom the provider cannot confirm';
  return assume === 'sent'
    ? `${open}. ${those} will be recorded as sent. Continue?`
    : `${open}. ${those} will be sent to again and may receive the message twice. Continue?`;
}

/** Asks a person at a terminal; without one, or with --yes, nothing waits for an answer. */
async function confirmed({ outside }: World, question: string, { yes, json }: SendingOptions): Promise<boolean> {
  if (!outside.interactive || yes || json) return true;
  return /^\s*(y|yes)\s*$/i.test(await outside.ask(`${question} [y/N] `));
}
