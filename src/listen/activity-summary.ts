import type { StrangeEvent } from '../core/incoming.ts';
import { maskPhone } from '../core/phone.ts';
import { formatCount } from '../core/units.ts';
import type { WorkedOff } from '../ports/inbox.ts';

/** Strangers, and kinds of events, that are named in one line. */
const NAMED = 3;

/** What a listener has worked off since it last said so. Texts of contacts are not part of it; of those whom nobody knows, masked numbers are. */
export class ActivitySummary {
  #strangers: string[] = [];
  #strange: string[] = [];
  #deliveries = 0;
  #replies = 0;
  #reactions = 0;
  #optOuts = 0;
  #message2 = 0;
  #refused = 0;

  add({ results, message2 }: WorkedOff): void {
    for (const { kind, result, stranger } of results) {
      if (stranger !== undefined) this.#strangers.push(maskPhone(stranger));
      if (result === 'refused') this.#refused += 1;
      if (result === 'opted_out') this.#optOuts += 1;
      if (result !== 'done') continue;
      if (kind === 'delivery') this.#deliveries += 1;
      if (kind === 'reply') this.#replies += 1;
      if (kind === 'reaction') this.#reactions += 1;
    }
    this.#message2 += message2.pending;
  }

  /** An event that cannot be read. */
  notUnderstood({ event, reason }: StrangeEvent): void {
    this.#strange.push(`${event === '' ? 'no event' : event}: ${reason}`);
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
    if (this.#strangers.length > 0)
      aside(`no contact fits ${formatCount(this.#strangers.length, 'reply', 'replies')}: from ${listed(this.#strangers)}`);
    if (this.#strange.length > 0)
      aside(
        `${formatCount(this.#strange.length, 'event')} not understood (${listed(this.#strange)}): answered with 422, so that the provider keeps and repeats them`,
      );
    this.#strangers = [];
    this.#strange = [];
    this.#deliveries = this.#replies = this.#reactions = this.#optOuts = this.#message2 = this.#refused = 0;
  }
}

/** The first few of them, each once. */
function listed(all: string[]): string {
  const each = [...new Set(all)];
  return `${each.slice(0, NAMED).join(', ')}${each.length > NAMED ? `, and ${each.length - NAMED} more` : ''}`;
}
