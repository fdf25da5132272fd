import type { Campaign } from './campaign.ts';
import type { FailureGroup } from './event.ts';
import type { Progress } from './progress.ts';
import type { ReplyCounts } from './reply-counts.ts';
import type { EpochMs, Milliseconds } from './units.ts';

/** Everything `status` says of one campaign, from the database and its checkpoint. */
export interface CampaignState {
  campaign: Campaign;
  progress: Progress;
  /** Why it is not running although it is unfinished, or null. */
  paused: { reason: string; detail: string; at: EpochMs } | null;
  /** The run that holds it now, or null. */
  owner: { host: string; pid: number; startedAt: EpochMs } | null;
  /** It is a rehearsal. */
  sandbox: boolean;
  /** What came back, or null where it was not counted. */
  replies: ReplyCounts | null;
  /** Most frequent first. */
  failures: FailureGroup[];
  /** Time left at the current settings, or null when nothing is left or it cannot be known. */
  etaMs: Milliseconds | null;
  endsAt: EpochMs | null;
  /** `campaigns.updated_at`. */
  updatedAt: EpochMs | null;
  /** Row id of the last Message 1 that was settled, or null. */
  lastMessage: number | null;
  /** The command to type next, or null. */
  next: string | null;
}

/** Where a campaign stands, in one word that its status column cannot say. */
export type Standstill =
  | 'running'
  | 'cancelled'
  | 'paused'
  | 'interrupted'
  | 'in_doubt'
  | 'replies'
  | 'draft'
  | 'completed'
  | 'failed'
  | 'other';

/**
 * `running` while a run holds it; `cancelled` once it was ended for good; `paused` when its checkpoint says so; `interrupted` when it is `sending`, unfinished and no run holds
 * it; `in_doubt` when all that keeps it unfinished are recipients in doubt; `replies` when all Message 1 are settled and replies are waited for; else its status, `other` for one that wsend does not know.
 */
export function displayState({ campaign, progress, paused, owner }: CampaignState): Standstill {
  if (owner !== null) return 'running';
  if (campaign.cancelledAt !== null) return 'cancelled';
  if (paused !== null) return 'paused';
  if (campaign.status === 'sending') {
    if (progress.pending > 0) return 'interrupted';
    return progress.inDoubt > 0 ? 'in_doubt' : 'replies';
  }
  if (campaign.status === 'draft' || campaign.status === 'completed' || campaign.status === 'failed') return campaign.status;
  return 'other';
}
