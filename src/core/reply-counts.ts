/** What came back to a campaign, counted from its rows. */
export interface ReplyCounts {
  delivered: number;
  read: number;
  /** Contacts who replied. */
  replied: number;
  reactions: number;
  /** Contacts whose 24 h are over without a reply. */
  noInteraction: number;
  /** `skipped`: they said stop before it was sent. */
  message2: { pending: number; skipped: number; sent: number; delivered: number; read: number; failed: number };
}
