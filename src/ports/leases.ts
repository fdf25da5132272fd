import type { Owner } from '../core/checkpoint.ts';
import { type Milliseconds, SECOND } from '../core/units.ts';

// Who may send now. Always in the campaign's database, whatever the checkpoint is kept in, and by the clock of its server.

/**
 * A lease without a sign of life for this long may be taken by another (spec section 3, rule 14). Whatever a run does by virtue of its lease
 * stays below it: its heartbeat, and the time that a claim is good for.
 */
export const LEASE_LIFE: Milliseconds = 15 * SECOND;

/** What others ask of the run that holds a name: of a campaign to pause, of a line that a Message 2 is due on it. */
export type Wish = 'pause' | 'message_2';

/** What a name was before a lease took it. */
export interface Before {
  /** The epoch of the lease before; null where it was never held. */
  epoch: number | null;
  /** Its run gave it back, and did not just end or fall silent. */
  givenBack: boolean;
  /** How long ago its last sign of life was when it was taken, by the server's clock; null where it was never held, or that is unknown. */
  silentMs: Milliseconds | null;
}

/** Some names, held until they are given back or another takes them. */
export interface Lease {
  readonly names: readonly string[];
  /** Above every epoch that any of the names ever had, also in a database that is restored. One for all of them. */
  readonly epoch: number;
  /** By name. */
  readonly before: ReadonlyMap<string, Before>;
  /**
   * A sign of life, however late: all names are ours for LEASE_LIFE from now, and what was asked meanwhile is told, once. Rejects with LeaseLost
   * once another has had any of them, and with DatabaseUnreachable when it is not known whether it was heard; it may be repeated then.
   */
  prolong(): Promise<{ name: string; wish: Wish }[]>;
  /** Gives all names back; what another has meanwhile is left alone. May be repeated. */
  release(): Promise<void>;
}

/** How a name stands. */
export interface Standing {
  epoch: number;
  /** Who holds it now, or null. */
  owner: Owner | null;
}

/** Rejects with DatabaseUnreachable when the database does not answer; creates nothing. */
export interface Leases {
  /**
   * All names or none. A name is free that no run has, whose owner was silent for LEASE_LIFE, or whose owner's token is among `dead`. Rejects
   * with UsageError where the table is missing: see OwnTables.
   */
  take(names: readonly string[], owner: Owner, dead: readonly string[]): Promise<{ lease: Lease } | { heldBy: Owner; name: string }>;
  /** Those of the names that were ever held. */
  look(names: readonly string[]): Promise<ReadonlyMap<string, Standing>>;
  /** Leaves a word for who holds the name, to be heard with its next sign of life; false when no run does. */
  ask(name: string, wish: Wish): Promise<boolean>;
}

/** Whether a run is over. `over` needs proof by this machine's kernel; `running` includes suspended. */
export interface Processes {
  /** An owner with a token of its own, for one run of this process. */
  self(): Owner;
  /** A run of this process is over: no call of it is under way any more. */
  end(owner: Owner): void;
  fate(owner: Owner): 'over' | 'running' | 'unknowable';
}
