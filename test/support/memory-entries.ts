import { judge, takenOver } from '../../src/core/fence.ts';
import type { EpochMs } from '../../src/core/units.ts';
import { LeaseLost } from '../../src/errors.ts';
import type { Entries, Opened, Write } from '../../src/ports/entries.ts';

/** What is kept under one name. */
export interface KeptName {
  epoch: number;
  /** The last step that was written since it was opened. */
  step: number;
  fields: Map<string, string>;
  keptUntil: EpochMs | null;
}

export type EntriesOperation = 'open' | 'write' | 'view' | 'check';

/** The entries contract in memory. It outlives the runs that use it. `now` is the clock of the server that it plays. */
export class MemoryEntries implements Entries {
  readonly kept = new Map<string, KeptName>();
  /** Another one once it went back in time, if it tells. */
  server = 'memory';
  /** Called around each call, before and after it had its effect; may throw, or never resolve. */
  before: (operation: EntriesOperation) => Promise<void> = async () => undefined;
  after: (operation: EntriesOperation) => Promise<void> = async () => undefined;
  readonly #now: () => EpochMs;

  constructor(now: () => EpochMs) {
    this.#now = now;
  }

  /** The fields under a name; empty where nothing is kept. */
  fields(name: string): ReadonlyMap<string, string> {
    return this.#of(name)?.fields ?? new Map();
  }

  /** Everything is gone, as after a restart of a Redis that keeps nothing. */
  wipe(): void {
    this.kept.clear();
  }

  /** What it holds now, for `restore`. */
  copy(): ReadonlyMap<string, KeptName> {
    return structuredClone(this.kept);
  }

  /** Goes back to what it held then, as a fail-over to a replica that was behind does. */
  restore(copy: ReadonlyMap<string, KeptName>): void {
    this.kept.clear();
    for (const [name, kept] of structuredClone(copy)) this.kept.set(name, kept);
  }

  open(name: string, epoch: number): Promise<Opened> {
    return this.#step('open', () => {
      const found = this.#of(name);
      if (found !== undefined && found.epoch > epoch) throw new LeaseLost(takenOver(name));
      const fields = new Map(found?.fields);
      this.kept.set(name, { epoch, step: 0, fields, keptUntil: null });
      return { fields: new Map(fields), server: this.server };
    });
  }

  write(step: number, writes: readonly [Write, ...Write[]]): Promise<void> {
    return this.#step('write', () => {
      const found = writes.map(({ name }) => this.#of(name) ?? null);
      const verdict = judge('memory', { step, names: writes }, found);
      if (verdict === 'repeated') return;
      if (verdict !== 'next') throw new LeaseLost(verdict.lost);
      for (const { name, fields, keptFor } of writes) {
        const kept = this.kept.get(name) as KeptName;
        for (const [field, value] of Object.entries(fields)) {
          if (value === null) kept.fields.delete(field);
          else kept.fields.set(field, value);
        }
        if (keptFor !== undefined) kept.keptUntil = keptFor === null ? null : this.#now() + keptFor;
      }
      (this.kept.get(writes[0].name) as KeptName).step = step;
    });
  }

  view(name: string): Promise<{ epoch: number; fields: ReadonlyMap<string, string> } | null> {
    return this.#step('view', () => {
      const found = this.#of(name);
      return found === undefined ? null : { epoch: found.epoch, fields: new Map(found.fields) };
    });
  }

  check(): Promise<{ detail: string; warnings: string[] }> {
    return this.#step('check', () => ({ detail: 'in memory', warnings: [] }));
  }

  async close(): Promise<void> {}

  #of(name: string): KeptName | undefined {
    const found = this.kept.get(name);
    if (found !== undefined && (found.keptUntil ?? Number.POSITIVE_INFINITY) > this.#now()) return found;
    this.kept.delete(name);
    return undefined;
  }

  async #step<T>(operation: EntriesOperation, work: () => T): Promise<T> {
    await this.before(operation);
    const result = work();
    await this.after(operation);
    return result;
  }
}
