import type { Fields } from '../core/checkpoint.ts';
import type { Milliseconds } from '../core/units.ts';

// What is kept outside the process so that a run can be resumed: fields under a name, in Redis or in the campaign's database. What they mean
// is in core/checkpoint.ts; a store knows nothing of it.

/** What was found under a name when it was opened. */
export interface Opened {
  fields: ReadonlyMap<string, string>;
  /** Which process the store is, another after every restart or fail-over that may have lost what it confirmed; empty where it does not tell. Always the same of a store that keeps what it confirms. */
  server: string;
}

/** What one step changes under one name. */
export interface Write {
  name: string;
  /** The epoch under which it was opened. */
  epoch: number;
  fields: Fields;
  /** How long all of the name is kept from now: null for good, undefined as it is. */
  keptFor?: Milliseconds | null;
}

/** Every call rejects with CheckpointUnreachable where it is not known to be durable (repeat it), and with UsageError where the store cannot be used. */
export interface Entries {
  /**
   * Shuts out every earlier epoch and reads all fields under a name, which is made where it is missing, and kept for good until a write says
   * otherwise. Rejects with LeaseLost when a later epoch has opened it. May be repeated before the first write.
   */
  open(name: string, epoch: number): Promise<Opened>;
  /**
   * Makes one step durable, under all names or none. `step` counts the steps of the first name since it was opened, from 1: one that is repeated
   * changes nothing. Rejects with LeaseLost when a later epoch has opened any of the names, or the store does not know them or the step before (it
   * was emptied, or went back in time).
   */
  write(step: number, writes: readonly [Write, ...Write[]]): Promise<void>;
  /** What is kept under a name and which epoch opened it, without opening it; null where nothing is. Makes nothing. */
  view(name: string): Promise<{ epoch: number; fields: ReadonlyMap<string, string> } | null>;
  /**
   * Does all that a run does, under names of its own, and takes it away again. Rejects as a run would. `warnings` name settings that endanger the promise.
   */
  check(): Promise<{ detail: string; warnings: string[] }>;
  close(): Promise<void>;
}
