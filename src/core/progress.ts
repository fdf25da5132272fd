/** Where a recipient stands. Every recipient of a campaign is in exactly one of these at every moment. */
export type Standing = 'pending' | 'sent' | 'failed' | 'inDoubt' | 'skipped';

/** How many recipients stand where. sent + failed + pending + in doubt + skipped = total, always. */
export interface Progress {
  total: number;
  pending: number;
  sent: number;
  failed: number;
  inDoubt: number;
  skipped: number;
  /** Of those that failed, the rows that would have been a second message to their person; left out where there is none. */
  duplicates?: number;
}

/** The progress after one recipient went from one standing to another. Throws when no recipient stands there: that is a bug, not a state. */
export function updateProgress(progress: Progress, from: Standing, to: Standing): Progress {
  if (from === to) return progress;
  if (progress[from] <= 0) throw new Error(`no recipient is ${from}, so none can become ${to}`);
  return { ...progress, [from]: progress[from] - 1, [to]: progress[to] + 1 };
}

/** The progress once `late` of those that were sent have failed after all: at the provider, which had accepted them. */
export function failedLater(progress: Progress, late: number): Progress {
  const moved = Math.max(0, Math.min(late, progress.sent));
  return { ...progress, sent: progress.sent - moved, failed: progress.failed + moved };
}

/** The progress once `count` pending rows are known to be for people who get another message of the campaign: they fail. */
export function withDuplicates(progress: Progress, count: number): Progress {
  if (count === 0) return progress;
  const { pending, failed, duplicates = 0 } = progress;
  return { ...progress, pending: pending - count, failed: failed + count, duplicates: duplicates + count };
}

/** The progress once one more recipient is found pending, who was not there when it was counted. */
export function admit(progress: Progress): Progress {
  return { ...progress, total: progress.total + 1, pending: progress.pending + 1 };
}

/** True when the parts make up the whole and none is negative. */
export function isConsistent(p: Progress): boolean {
  const parts = [p.pending, p.sent, p.failed, p.inDoubt, p.skipped];
  return parts.every((n) => Number.isInteger(n) && n >= 0) && parts.reduce((a, b) => a + b, 0) === p.total;
}

/** Recipients whose end is not known yet: still to be sent, or in doubt. */
export function unsettled(p: Progress): number {
  return p.pending + p.inDoubt;
}

/**
 * The progress of a campaign from what the database says of its rows and what the checkpoint knows beyond that: recipients in doubt, and
 * outcomes that are not in the database yet. The two are read at different moments, so anything beyond the rows still pending is cut off.
 * Other rows were left out (opted out, or set aside by a person under a status that wsend does not use): they count as skipped.
 */
export function progressOf(
  tally: { total: number; pending: number; sent: number; failed: number; duplicates?: number },
  beyond: { inDoubt: number; unstoredSent: number; unstoredFailed: number },
): Progress {
  const unstoredSent = Math.min(beyond.unstoredSent, tally.pending);
  const unstoredFailed = Math.min(beyond.unstoredFailed, tally.pending - unstoredSent);
  const inDoubt = Math.min(beyond.inDoubt, tally.pending - unstoredSent - unstoredFailed);
  return {
    total: tally.total,
    pending: tally.pending - unstoredSent - unstoredFailed - inDoubt,
    sent: tally.sent + unstoredSent,
    failed: tally.failed + unstoredFailed,
    inDoubt,
    skipped: tally.total - tally.pending - tally.sent - tally.failed,
    ...(tally.duplicates ? { duplicates: tally.duplicates } : {}),
  };
}

/**
 * What a checkpoint knows beyond the database, for progressOf. An outcome that was written there and not yet forgotten here (a run was killed
 * in between) counts once: the checkpoint's own counters say how many there are in all.
 */
export function beyondOf(
  tally: { sent: number; failed: number },
  checkpoint: { sent: number; failed: number; inDoubt: number; unstored: { sent: number; failed: number } },
): Parameters<typeof progressOf>[1] {
  const unstored = (kind: 'sent' | 'failed') => Math.min(checkpoint.unstored[kind], Math.max(0, checkpoint[kind] - tally[kind]));
  return { inDoubt: checkpoint.inDoubt, unstoredSent: unstored('sent'), unstoredFailed: unstored('failed') };
}
