import type { Change, Owner } from './checkpoint.ts';

// What the checkpoints in Redis and in SQLite have in common, besides the contract.

/** The newest format of a checkpoint that this program reads and writes. */
export const CHECKPOINT_VERSION = 1;

/** The owner of a claim that names one of whom nothing is kept, but for the token. */
export const NOBODY: Owner = { token: '', host: '', machine: '', boot: '', namespace: '', pid: 0, startedAt: 0, birth: '' };

/** The owners that changes refer to; they are kept apart from the claims, which name them by token, because a run makes thousands of them. */
export function ownersOf(changes: Change[]): Owner[] {
  return changes.flatMap((change) =>
    change.type === 'claim' ? [change.claim.owner] : change.type === 'doubt' ? [change.doubt.owner] : [],
  );
}
