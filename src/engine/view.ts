import { type CheckpointHeader, keptOf, type Owner, readCheckpoint } from '../core/checkpoint.ts';
import type { Entries, Standing } from '../ports.ts';

/** What there is to see of a campaign's checkpoint without holding anything. */
export interface CheckpointView {
  header: CheckpointHeader | null;
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
  /** Whom it knows of beyond the database. */
  beyond: ReturnType<typeof keptOf>;
}

/**
 * What a store shows of a campaign: nothing but its owner unless the last run that had the lease knew everything and wrote it here. Another store, or
 * this one before it was restored, would tell of the past.
 */
export function viewOf(standing: Standing | undefined, kept: Awaited<ReturnType<Entries['view']>>): CheckpointView {
  const owner = standing?.owner ?? null;
  const isLatest = standing !== undefined && kept?.fields.get('known') === String(standing.epoch);
  const checkpoint = readCheckpoint(isLatest ? kept.fields : new Map());
  const beyond = keptOf(checkpoint);
  const { claims, doubts, retries, outcomes } = beyond;
  const unstored = (kind: 'sent' | 'failed') => outcomes.filter((outcome) => outcome.kind === kind).length;
  return {
    header: checkpoint.header,
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
