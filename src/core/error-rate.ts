/**
 * The share of settled recipients that failed: failed / (sent + failed), 0 while nothing is settled. In doubt counts on neither side, nor does who
 * was not sent to because another message of the campaign is for the same person.
 * Counted by campaign, from the checkpoint's counters `campaign:<id>:sent` and `campaign:<id>:failed`.
 */
export function errorRate({ sent, failed, duplicates = 0 }: { sent: number; failed: number; duplicates?: number }): number {
  const tried = sent + failed - duplicates;
  return tried <= 0 ? 0 : (failed - duplicates) / tried;
}
