import { type CheckpointHeader, keptOf, type Owner, readCheckpoint } from '../core/checkpoint.ts';
import type { Entries } from '../ports/entries.ts';
import type { Standing } from '../ports/leases.ts';

/** What there is to see of a campaign's checkpoint without holding anything. */
export interface CheckpointView {
  header: CheckpointHeader | null;
  /** The last run that had the lease knew everything and wrote it here. */
  isLatest: boolean;
  /** The run that holds the campaign now, or null. */
  owner: Owner | null;
  sent: number;
  failed: number;
  lastMessage: number | null;
  inDoubt: number;
  claimed: number;
  retrying: number;
  /** Outcomes that the database does not have yet. */
  unstored: { sent: number; failed: number };
  /** The recipients it knows of beyond the database. */
  beyond: ReturnType<typeof keptOf>;
}

/**
 * What a store shows of a campaign: no numbers unless the last run that had the lease knew everything and wrote it here, for another store, or this
 * one before it was restored, would tell of the past. The header is shown all the same where it is this campaign's (`identity`): a pause that a person
 * asked for holds until they end it.
 */
export function viewOf(
  standing: Standing | undefined,
  kept: Awaited<ReturnType<Entries['view']>>,
  identity: string | null,
): CheckpointView {
  const owner = standing?.owner ?? null;
  const { header } = readCheckpoint(kept?.fields ?? new Map());
  const isLatest = standing !== undefined && kept?.fields.get('known') === String(standing.epoch);
  const checkpoint = readCheckpoint(isLatest ? kept.fields : new Map());
  const beyond = keptOf(checkpoint);
  const { claims, doubts, retries, outcomes } = beyond;
  const unstored = (kind: 'sent' | 'failed') => outcomes.filter((outcome) => outcome.kind === kind).length;
  return {
    header: header?.identity === identity ? header : null,
    isLatest,
    owner,
    sent: checkpoint.counted?.sent ?? 0,
    failed: checkpoint.counted?.failed ?? 0,
    lastMessage: checkpoint.lastMessage,
    inDoubt: doubts.length,
    claimed: claims.length,
    retrying: retries.length,
    unstored: { sent: unstored('sent'), failed: unstored('failed') },
    beyond,
  };
}
