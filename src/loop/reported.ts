import { keptOf } from '../core/checkpoint.ts';
import { DatabaseUnreachable } from '../errors.ts';
import type { PreparedMessage, Run } from './parts.ts';
import { settle } from './settle.ts';
import { unlessStopping } from './stop-deadline.ts';

// A report that carries our reference settles a row in the database, whatever this run is doing about it. The run finds that there.

/**
 * Settles those of these recipients whom the database has as settled meanwhile, each as it is there, and returns the others. Rejects with
 * DatabaseUnreachable when it does not answer.
 */
export async function settleReported<Open extends { message: PreparedMessage }>(run: Run, open: Open[]): Promise<Open[]> {
  if (open.length === 0) return open;
  const ids = open.map(({ message }) => message.claim.message);
  const settled = await unlessStopping(run, run.recipients.settled(run.campaign.id, ids));
  const known = new Map(settled.map((result) => [result.message, result]));
  const left: Open[] = [];
  for (const one of open) {
    const result = known.get(one.message.claim.message);
    if (result === undefined) left.push(one);
    else await settle(run, one.message, result, { isStored: true });
  }
  return left;
}

/** True when it was settled so. A database that does not answer is asked again before the run ends. */
export async function isReported(run: Run, message: PreparedMessage): Promise<boolean> {
  return (await unlessAway(settleReported(run, [{ message }])))?.length === 0;
}

/** Settles whom this run left in doubt, as far as a report has told of them since. */
export async function settleDoubts(run: Run): Promise<void> {
  const asked = run.lookUps.left.splice(0);
  const left = await unlessAway(settleReported(run, asked));
  run.lookUps.left.push(...(left ?? asked));
}

/** Of those who are claimed, in doubt or waiting here, how many have failed in the database: their own outcome counts them. */
export async function failedMeanwhile({ journal, recipients, campaign }: Run): Promise<number> {
  const { claims, doubts, retries } = keptOf(journal.checkpoint);
  const open = [...claims, ...doubts, ...retries].map(({ message }) => message);
  if (open.length === 0) return 0;
  return (await recipients.settled(campaign.id, open)).filter(({ kind }) => kind === 'failed').length;
}

async function unlessAway<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof DatabaseUnreachable) return undefined;
    throw error;
  }
}
