import { type PersonKey, personKey } from '../core/person.ts';
import type { EpochMs, Milliseconds } from '../core/units.ts';
import type { OptOuts } from '../ports/database.ts';

/** Maximum age of a run's copy of the opt-out list. */
const FRESH_FOR: Milliseconds = 200;

/** The contacts who want no messages, as one run or several know them: read whole once, and then by its changes. */
export class OptOutList {
  readonly #optOuts: Pick<OptOuts, 'since'>;
  readonly #out = new Set<PersonKey>();
  #cursor = 0;
  #readAt: EpochMs | null = null;
  #reading: Promise<void> | null = null;

  constructor(optOuts: Pick<OptOuts, 'since'>) {
    this.#optOuts = optOuts;
  }

  /** It must be read again before anybody is sent to. A clock that was set back counts as long ago. */
  isStale(now: EpochMs): boolean {
    return this.#readAt === null || now < this.#readAt || now - this.#readAt >= FRESH_FOR;
  }

  /** Brings it up to date. A caller that asks while it is being read waits for that: an older answer must not overtake a newer one. */
  read(now: EpochMs): Promise<void> {
    this.#reading ??= this.#read(now).finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #read(now: EpochMs): Promise<void> {
    const { cursor, changes } = await this.#optOuts.since(this.#cursor);
    for (const { phone, out } of changes) {
      if (out) this.#out.add(personKey(phone));
      else this.#out.delete(personKey(phone));
    }
    this.#cursor = cursor;
    this.#readAt = now;
  }

  /** The person at this number wants no messages, whichever of its true forms is on the list. */
  has(phone: string): boolean {
    return this.#out.has(personKey(phone));
  }
}
