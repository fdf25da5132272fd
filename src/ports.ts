// What wsend needs from the outside, in its own words. Each shape has an adapter (and a simulated one in test/support).

export type * from './ports/campaign-store.ts';
export type * from './ports/clock.ts';
export type * from './ports/database.ts';
export type * from './ports/entries.ts';
export type * from './ports/inbox.ts';
export * from './ports/leases.ts';
export type * from './ports/provider.ts';
export type * from './ports/recent-texts.ts';
export type * from './ports/report.ts';
export type * from './ports/texts.ts';
