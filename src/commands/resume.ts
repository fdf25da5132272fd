import { EXIT, UsageError, UserError } from '../errors.ts';
import type { Options } from '../options.ts';
import { readCampaignId } from '../runs/arguments.ts';
import { checkConfig } from '../runs/check-config.ts';
import { completeCampaigns } from '../runs/complete.ts';
import { dryRunCampaign } from '../runs/dry-run.ts';
import { runStream, type SendingOptions } from '../runs/run-stream.ts';
import type { World } from '../world.ts';

/** A campaign is resumed with the rows that it has: none is left out as invalid. */
export type ResumeOptions = Omit<SendingOptions, 'skipInvalid'> & Pick<Options, 'all'> & { id?: string };

/** Pauses that a person decided on or must look into: only `resume <id>` ends them. */
const NEEDS_A_PERSON = new Set(['pause', 'limit', 'circuit_breaker', 'barred']);

/** `wsend resume <id>` continues one campaign; `--all` every one that was interrupted, one after another. */
export async function resume(world: World, options: ResumeOptions): Promise<number> {
  if ((options.id === undefined) === (options.all !== true))
    throw new UsageError('exactly one of <id> and --all is needed', 'For example: wsend resume 42');
  checkConfig(world, options);
  if (options.all) return resumeAll(world, options);
  const id = readCampaignId(options.id as string);
  return options.dryRun ? dryRunCampaign(world, id, options) : runStream(world, id, options);
}

/** Exit codes of single campaigns, the worst first: what a person or a supervisor must act on comes before what ends by itself. */
const WORST_FIRST: number[] = [EXIT.bug, EXIT.usage, EXIT.barred, EXIT.circuitBreaker, EXIT.paused, EXIT.someFailed, EXIT.held, EXIT.done];

async function resumeAll(world: World, options: ResumeOptions): Promise<number> {
  const { campaigns, fitness, name } = await world.data();
  if (!options.dryRun) {
    await fitness.require('sending');
    await completeCampaigns(world);
  }
  const codes: number[] = [];
  let unfinished = 0;
  for (const campaign of (await campaigns.list()).reverse()) {
    if (campaign.status !== 'sending') continue;
    unfinished += 1;
    const { header } = await world.view(campaign.id);
    if (header?.paused && NEEDS_A_PERSON.has(header.paused.reason)) {
      const next = world.nextStep(`wsend resume ${campaign.id}`);
      world.show.aside(`Campaign ${campaign.id} stays paused (${header.paused.detail}); ${next} continues it.`);
      continue;
    }
    const code = options.dryRun ? await dryRunCampaign(world, campaign.id, options) : await resumeOne(world, campaign.id, options);
    if (code === EXIT.interrupted || code === EXIT.terminated || code === EXIT.hangup) return code;
    codes.push(code);
  }
  if (unfinished === 0) world.show.aside(`Nothing to resume: no campaign in ${name} is unfinished.`);
  return WORST_FIRST.find((code) => codes.includes(code)) ?? EXIT.done;
}

/** An error in one campaign does not stop the others. */
async function resumeOne(world: World, id: number, options: ResumeOptions): Promise<number> {
  try {
    return await runStream(world, id, options);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    await world.show.problem(id, error);
    return error.exitCode;
  }
}
