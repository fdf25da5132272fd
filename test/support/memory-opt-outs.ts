import type { OptOuts } from '../../src/ports/database.ts';

/** Opt-outs in memory. */
export class MemoryOptOuts implements OptOuts {
  readonly #changes: { phone: string; out: boolean; source: string }[] = [];

  async since(cursor: number): Promise<{ cursor: number; changes: { phone: string; out: boolean }[] }> {
    return { cursor: this.#changes.length, changes: this.#changes.slice(cursor) };
  }

  async set(phones: string[], out: boolean, source: string): Promise<number> {
    for (const phone of phones) this.#changes.push({ phone, out, source });
    return phones.length;
  }

  async *list(): AsyncIterable<{ phone: string; at: number; source: string }> {
    const last = new Map(this.#changes.map((change) => [change.phone, change]));
    for (const { phone, out, source } of last.values()) if (out) yield { phone, at: 0, source };
  }
}
