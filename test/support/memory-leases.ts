import type { Owner } from '../../src/core/checkpoint.ts';
import { lostLease } from '../../src/core/lost-lease.ts';
import type { EpochMs } from '../../src/core/units.ts';
import { LeaseLost } from '../../src/errors.ts';
import { type Before, LEASE_LIFE, type Lease, type Leases, type Standing, type Wish } from '../../src/ports/leases.ts';

/** What is kept of one name. */
export interface LeaseRow {
  epoch: number;
  /** Whose it is; null once it was given back. */
  owner: Owner | null;
  expiresAt: EpochMs;
  before: Before;
  /** Each an object of its own, to be heard once. */
  asked: { wish: Wish } | null;
}

export type LeasesOperation = 'take' | 'prolong' | 'release' | 'look' | 'ask';

/** The leases contract in memory. It outlives the runs that use it. `now` is the clock of the server that it plays. */
export class MemoryLeases implements Leases {
  /** By name. */
  readonly rows = new Map<string, LeaseRow>();
  /** Called around each call, before and after it had its effect; may throw, or never resolve. */
  before: (operation: LeasesOperation) => Promise<void> = async () => undefined;
  after: (operation: LeasesOperation) => Promise<void> = async () => undefined;
  readonly #now: () => EpochMs;

  constructor(now: () => EpochMs) {
    this.#now = now;
  }

  /** What it holds now, for `restore`. */
  copy(): ReadonlyMap<string, LeaseRow> {
    return structuredClone(this.rows);
  }

  /** Goes back to what it held then, as a database does that is restored. */
  restore(copy: ReadonlyMap<string, LeaseRow>): void {
    this.rows.clear();
    for (const [name, row] of structuredClone(copy)) this.rows.set(name, row);
  }

  take(names: readonly string[], owner: Owner, dead: readonly string[]): Promise<{ lease: Lease } | { heldBy: Owner; name: string }> {
    return this.#step('take', () => {
      const rows = names.map((name) => this.rows.get(name) ?? null);
      const [first] = rows;
      const again = rows.every((row) => row?.owner?.token === owner.token && row.epoch === first?.epoch);
      if (!again)
        for (const name of [...names].sort()) {
          const holder = this.#holder(this.rows.get(name));
          if (holder !== null && !dead.includes(holder.token)) return { heldBy: holder, name };
        }
      const now = this.#now();
      const epoch = again ? (first?.epoch ?? 0) : Math.max(now, ...rows.map((row) => (row?.epoch ?? 0) + 1));
      for (const name of names) {
        const row = this.rows.get(name);
        if (again && row !== undefined) Object.assign(row, { expiresAt: now + LEASE_LIFE, before: { ...row.before, silentMs: null } });
        else {
          const silentMs = row === undefined ? null : now - (row.expiresAt - LEASE_LIFE);
          const before = { epoch: row?.epoch ?? null, givenBack: row !== undefined && row.owner === null, silentMs };
          this.rows.set(name, { epoch, owner: structuredClone(owner), expiresAt: now + LEASE_LIFE, before, asked: null });
        }
      }
      return { lease: this.#lease(names, epoch, owner) };
    });
  }

  look(names: readonly string[]): Promise<ReadonlyMap<string, Standing>> {
    return this.#step('look', () => {
      const found = names.flatMap((name): [string, Standing][] => {
        const row = this.rows.get(name);
        return row === undefined ? [] : [[name, { epoch: row.epoch, owner: this.#holder(row) }]];
      });
      return new Map(found);
    });
  }

  ask(name: string, wish: Wish): Promise<boolean> {
    return this.#step('ask', () => {
      const row = this.rows.get(name);
      if (row === undefined || this.#holder(row) === null) return false;
      row.asked = { wish };
      return true;
    });
  }

  #lease(names: readonly string[], epoch: number, { token }: Owner): Lease {
    const told = new Map<string, unknown>();
    const isOurs = (row: LeaseRow | undefined): row is LeaseRow => row?.owner?.token === token && row.epoch === epoch;
    const before = new Map(names.map((name) => [name, structuredClone((this.rows.get(name) as LeaseRow).before)]));
    const prolong = async () => {
      const heard = await this.#step('prolong', () => {
        for (const name of names) {
          const row = this.rows.get(name);
          if (!isOurs(row)) throw new LeaseLost(lostLease(name, epoch, row ?? null));
        }
        return names.flatMap((name) => {
          const row = this.rows.get(name) as LeaseRow;
          row.expiresAt = this.#now() + LEASE_LIFE;
          // Kept until the sign of life after the one that has told it: the answer of this one may be lost.
          if (row.asked !== null && row.asked === told.get(name)) row.asked = null;
          return row.asked === null ? [] : [{ name, asked: row.asked }];
        });
      });
      for (const { name, asked } of heard) told.set(name, asked);
      return heard.map(({ name, asked: { wish } }) => ({ name, wish }));
    };
    const release = () =>
      this.#step('release', () => {
        for (const row of names.map((name) => this.rows.get(name))) if (isOurs(row)) Object.assign(row, { owner: null, asked: null });
      });
    return { names, epoch, before, prolong, release };
  }

  #holder(row: LeaseRow | undefined): Owner | null {
    const left = (row?.expiresAt ?? 0) - this.#now();
    return left > 0 && left <= LEASE_LIFE ? (row?.owner ?? null) : null;
  }

  async #step<T>(operation: LeasesOperation, effect: () => T): Promise<T> {
    await this.before(operation);
    const result = effect();
    await this.after(operation);
    return result;
  }
}
