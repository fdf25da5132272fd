import type { RecentTexts } from '../../src/ports/recent-texts.ts';

/** A database in which nobody had any text lately. */
export const noRecentTexts: RecentTexts = {
  open: async () => [],
  read: async () => null,
  among: async () => new Map(),
  count: async () => 0,
  rule: async () => null,
  decide: async () => undefined,
  leftOut: async () => 0,
  leaveOut: async () => undefined,
};
