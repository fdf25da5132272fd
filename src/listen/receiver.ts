import type { Fact } from '../core/incoming.ts';
import { type EpochMs, type Milliseconds, SECOND } from '../core/units.ts';
import { type Deferred, deferred } from '../deferred.ts';
import { messageOf } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Inbox } from '../ports/inbox.ts';

interface Batch {
  facts: Fact[];
  durable: Deferred;
}

/** The way of facts into the inbox. */
export interface Receiver {
  /** Resolves once the facts are durable; rejects when they are not, and then the provider reports them again. */
  take(facts: Fact[]): Promise<void>;
  /** Why the last insert failed, if that was lately and none has succeeded since; else null. */
  trouble(): string | null;
}

/** What the intake tells. */
export interface ReceiverListener {
  /** An insert has ended well. */
  taken(): void;
  /** An insert failed; not told again until one has ended well. */
  trouble(reason: string): void;
}

/** A failure is remembered so long: without new calls nobody would notice that it is over. */
const LATELY: Milliseconds = 30 * SECOND;

/** Group commit, as in the engine's journal: one insert is in flight at a time, and whatever arrives meanwhile rides the next. */
export function makeReceiver(inbox: Inbox, clock: Clock, listener: ReceiverListener): Receiver {
  let next: Batch | null = null;
  let busy = false;
  let failed: { at: EpochMs; reason: string } | null = null;

  async function run(): Promise<void> {
    busy = true;
    while (next !== null) {
      const batch: Batch = next;
      next = null;
      try {
        await inbox.add(batch.facts, clock.now());
        failed = null;
        batch.durable.resolve();
        listener.taken();
      } catch (error) {
        const reason = messageOf(error);
        if (failed === null) listener.trouble(reason);
        failed = { at: clock.now(), reason };
        batch.durable.reject(error);
      }
    }
    busy = false;
  }

  return {
    trouble: () => (failed !== null && clock.now() - failed.at < LATELY ? failed.reason : null),
    take(facts) {
      if (facts.length === 0) return Promise.resolve();
      if (next === null) {
        next = { facts: [], durable: deferred() };
        if (!busy) {
          busy = true;
          void clock.turn().then(run);
        }
      }
      next.facts.push(...facts);
      return next.durable.promise;
    },
  };
}
