/**
 * The share of settled recipients that failed: failed / (sent + failed), 0 while nothing is settled. In doubt counts on neither side.
 * Counted by campaign, from the checkpoint's counters `campaign:<id>:sent` and `campaign:<id>:failed`.
 */
export function errorRate({ sent, failed }: { sent: number; failed: number }): number {
  const settled = sent + failed;
  return settled === 0 ? 0 : failed / settled;
}
