import type { Campaign } from '../core/campaign.ts';
import { UsageError } from '../errors.ts';
import type { Change, Checkpoint, RecipientStore, Recovered } from '../ports.ts';

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

/** The checkpoint of this campaign; that of a finished one with the same number in an earlier database counts as none. */
function belongsTo(campaign: Campaign, found: Recovered): Recovered {
  if (found.header === null || found.header.identity === identityOf(campaign)) return found;
  if (found.header.finished)
    return { header: null, claims: [], outcomes: [], doubts: [], retries: [], counted: null, pacing: found.pacing };
  throw new UsageError(
    `the checkpoint of campaign ${campaign.id} belongs to another campaign with that number (${found.header.identity}; this one: ${identityOf(campaign)})`,
    'Give each database a checkpoint of its own: another database number in REDIS_URL, or another folder for wsend.db.',
  );
}

/** Tells a campaign from one with the same id in another or a recreated database: when it was created, to the second. */
export function identityOf(campaign: Campaign): string {
  return campaign.createdAt === null ? 'undated' : `created ${new Date(Math.floor(campaign.createdAt / 1_000) * 1_000).toISOString()}`;
}
