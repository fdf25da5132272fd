import type { LastRuns } from '../../src/ports.ts';

/** Which run was the last of each campaign, in memory. */
export class MemoryLastRuns implements LastRuns {
  #tokens = new Map<number, string>();

  async of(campaign: number): Promise<string | null> {
    return this.#tokens.get(campaign) ?? null;
  }

  /** As they are now. */
  copy(): Map<number, string> {
    return new Map(this.#tokens);
  }

  /** As they were. */
  goBack(tokens: Map<number, string>): void {
    this.#tokens = new Map(tokens);
  }

  async note(campaign: number, token: string): Promise<void> {
    this.#tokens.set(campaign, token);
  }
}
