import { randomBytes } from 'node:crypto';
import type { EpochMs } from '../core/units.ts';
import type { Planning } from './contact.ts';
import { deviceQueue } from './device-queue.ts';
import { type Faults, NO_FAULTS } from './faults.ts';
import { countStatistics } from './statistics.ts';
import type { SandboxStore } from './store.ts';
import type { Teller } from './webhook-sender.ts';

/** What a running sandbox knows besides the messages it took. */
export interface SandboxState {
  readonly store: SandboxStore;
  readonly now: () => EpochMs;
  /** Null without a webhook. */
  readonly teller: Teller | null;
  readonly statistics: ReturnType<typeof countStatistics>;
  readonly startedAt: EpochMs;
  /** Where it tells what happens; null without a webhook. */
  readonly webhook: string | null;
  /** What the device has taken and not delivered yet. */
  readonly queue: ReturnType<typeof deviceQueue>;
  /** When the queue is looked at by itself. */
  nextDelivery: NodeJS.Timeout | undefined;
  /** Switched at run time. */
  faults: Faults;
  faultsSince: EpochMs;
  /** How often `key` has been tried, this time included: what makes luck differ from one try to the next. */
  nthTry(key: string): number;
  /** Ids that never repeat, also not after a restart: 6 random bytes of this start, then a count. */
  nextId(): { id: string; waId: string };
  /** What it takes to plan what becomes of a message. */
  planning(): Planning;
}

/** The state of a sandbox that starts now. */
export function sandboxState({
  store,
  now,
  teller,
  webhook = null,
  faults = NO_FAULTS,
}: Pick<SandboxState, 'store' | 'now' | 'teller'> & { webhook?: string | null; faults?: Faults }): SandboxState {
  const tries = new Map<string, number>();
  const start = randomBytes(6).toString('hex');
  const startedAt = now();
  let ids = 0;
  const nextId = () => {
    const id = start + (++ids).toString(16).padStart(12, '0');
    return { id, waId: `3EB0${id.slice(-18).toUpperCase()}` };
  };
  return {
    store,
    now,
    teller,
    statistics: countStatistics(),
    startedAt,
    webhook,
    queue: deviceQueue(),
    nextDelivery: undefined,
    faults,
    faultsSince: startedAt,
    nthTry(key) {
      const nth = (tries.get(key) ?? 0) + 1;
      tries.set(key, nth);
      return nth;
    },
    nextId,
    planning() {
      return { faults: this.faults, hasWebhook: teller !== null, nextWaId: () => nextId().waId };
    },
  };
}
