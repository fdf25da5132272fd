import type { Campaign } from '../core/campaign.ts';
import type { Event } from '../core/event.ts';
import { progressOf } from '../core/progress.ts';
import { borrowLine } from '../engine/borrow-line.ts';
import type { OptOutList } from '../engine/opt-out-list.ts';
import { recover } from '../engine/recover.ts';
import type { Run } from '../engine/run.ts';
import { EXIT } from '../errors.ts';
import type { DatabaseLock, Report } from '../ports.ts';
import { runCampaign } from '../run-campaign.ts';
import type { World } from '../world.ts';
import { campaignOf } from './campaign-of.ts';
import { followLock, whileLocked } from './database-lock.ts';
import { policyReader } from './policy-reader.ts';
import { sideOf } from './side.ts';

/** Message 2 of one campaign, on one line. */
export interface Message2Wish {
  campaign: number;
  /** Device id; null or an empty text: the line of the configuration. */
  line: string | null;
}

/**
 * Sends what is pending of a campaign's Message 2 on one line: the same claims, references, look-ups and doubts as for Message 1, in a
 * checkpoint of its own. A running campaign lends its line, so that both keep one pace. Resolves to the exit code: 7 when another listener
 * has it, or the line is not lent; nothing was sent then, and it may be tried again. `onRun` gets the run, to stop it; `optOuts` is the
 * listener's, kept from one call to the next.
 */
export async function sendMessage2(
  world: World,
  { campaign: id, line: wished }: Message2Wish,
  { optOuts, onRun }: { optOuts: OptOutList; onRun: (run: Run) => void },
): Promise<number> {
  const data = await world.data();
  const found = await campaignOf(data.campaigns, id);
  const { header } = await world.view(id);
  const { sandbox } = await sideOf(data, { campaign: found, header, asked: false });
  const settings = header?.settings ?? {};
  const config = world.config(sandbox ? 'sandbox' : 'send', settings);
  const wanted = wished ?? '';
  const isDefault = wanted === '' || wanted === config.provider.device;
  const provider = await world.provider(config, sandbox, isDefault ? undefined : wanted);
  const { line } = provider;
  const { campaigns, recipients, lastRuns } = data.message2(isDefault ? [line, ''] : [wanted]);
  const report = await world.report();
  const processes = await world.processes();
  const owner = processes.self();
  const checkpoints = await world.checkpoints('message_2');

  const checkpoint = await borrowLine({ checkpoints, processes, clock: world.clock }, { campaign: id, line, owner });
  if (checkpoint === null) return EXIT.held;
  let lock: DatabaseLock | null = null;
  try {
    const held = await world.databaseLock({ campaign: id, type: 'message_2', line, owner });
    lock = held;
    const lastRun = await lastRuns.of(id);
    // Its checkpoint is done once everything is sent, whatever the campaign waits for.
    const campaign: Campaign = { ...found, message2: null };
    const recovered = await recover(campaign, recipients, checkpoint, lastRun);
    await lastRuns.note(id, owner.token);
    const progress = progressOf(await campaigns.tally(id), { inDoubt: recovered.doubts.length, unstoredSent: 0, unstoredFailed: 0 });
    const parts = {
      campaign,
      owner,
      campaigns,
      recipients,
      provider: whileLocked(provider, held, world.clock, report),
      clock: world.clock,
      report: onlyOutcomes(report),
      processes,
      limit: null,
      type: 'message_2' as const,
      optOuts,
      policy: policyReader(world, config, sandbox, settings, report),
    };
    const watched = (run: Run) => {
      onRun(run);
      followLock(run, held);
    };
    const take = { checkpoint, found: recovered, progress, sending: true, begun: lastRun !== null, sandbox, settings };
    const ending = await runCampaign(parts, take, { onRun: watched, signalCode: () => EXIT.terminated });
    if (ending.broken !== null) throw ending.broken;
    return ending.exitCode;
  } catch (error) {
    await checkpoint.release(null).catch(() => undefined);
    throw error;
  } finally {
    await lock?.release();
  }
}

/** A listener sends a few at a time: their plans, batches and summaries would be noise. */
function onlyOutcomes(report: Report): Report {
  return {
    tell: (event) => {
      if (TOLD.has(event.type)) report.tell(event);
    },
  };
}

const TOLD: ReadonlySet<Event['type']> = new Set(['sent', 'failed', 'in_doubt', 'skipped', 'retry', 'notice', 'paused']);
