import type { LastRuns } from '../../src/ports.ts';

/** Which run was the last of each campaign, in memory. */
export class MemoryLastRuns implements LastRuns {
  readonly #tokens = new Map<number, string>();

  async of(campaign: number): Promise<string | null> {
    return this.#tokens.get(campaign) ?? null;
  }

  async note(campaign: number, token: string): Promise<void> {
    this.#tokens.set(campaign, token);
  }
}
