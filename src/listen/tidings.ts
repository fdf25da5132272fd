import { formatCount } from '../core/units.ts';
import type { WorkedOff } from '../ports.ts';

/** What a listener has worked off since it last said so. Numbers and texts of contacts are not part of it. */
export class Tidings {
  #deliveries = 0;
  #replies = 0;
  #reactions = 0;
  #optOuts = 0;
  #message2 = 0;
  #refused = 0;

  add({ results, message2 }: WorkedOff): void {
    for (const { kind, result } of results) {
      if (result === 'refused') this.#refused += 1;
      if (result === 'opted_out') this.#optOuts += 1;
      if (result !== 'done') continue;
      if (kind === 'delivery') this.#deliveries += 1;
      if (kind === 'reply') this.#replies += 1;
      if (kind === 'reaction') this.#reactions += 1;
    }
    this.#message2 += message2.pending;
  }

  /** One line, where there is something to say; then it is said. */
  tell({ aside }: { aside(text: string): void }): void {
    const parts = [
      this.#deliveries > 0 && `${formatCount(this.#deliveries, 'message')} came further`,
      this.#replies > 0 && formatCount(this.#replies, 'reply', 'replies'),
      this.#reactions > 0 && formatCount(this.#reactions, 'reaction'),
      this.#message2 > 0 && `${formatCount(this.#message2, 'contact')} to get Message 2`,
      this.#optOuts > 0 && `${formatCount(this.#optOuts, 'contact')} said stop`,
      this.#refused > 0 && `${formatCount(this.#refused, 'fact')} that the database refuses`,
    ].filter((part) => part !== false);
    if (parts.length > 0) aside(parts.join(', '));
    this.#deliveries = this.#replies = this.#reactions = this.#optOuts = this.#message2 = this.#refused = 0;
  }
}
