import { type EpochMs, MINUTE } from '../core/units.ts';
import type { Faults } from './faults.ts';
import type { TakenMessage } from './taken-message.ts';

/** How a device delivers what waits in its queue: messages a minute (0: at once), or none at all. */
export interface Delivery {
  perMinute: number;
  held: boolean;
}

/** What the faults make of it: a paused queue and a session that is not online hold everything back. */
export function deliveryOf({ line, deliverySpeed }: Faults, isOffline: boolean): Delivery {
  return { perMinute: deliverySpeed, held: isOffline || HOLDING.has(line) };
}

const HOLDING: ReadonlySet<Faults['line']> = new Set(['offline', 'timeout', 'conflict', 'loading', 'queue-pause']);

/** Messages that a device has taken and not delivered yet, first in, first out. It lives as long as its process. */
export function deviceQueue() {
  const waiting: TakenMessage[] = [];
  const ids = new Set<string>();
  let lastLeft: EpochMs = Number.NEGATIVE_INFINITY;
  return {
    add(message: TakenMessage): void {
      waiting.push(message);
      ids.add(message.id);
    },
    holds: (id: string): boolean => ids.has(id),
    size: (): number => waiting.length,
    /** Those that have left by `now`, with the moment of each. Nothing is caught up on after a pause. */
    leave({ perMinute, held }: Delivery, now: EpochMs): { message: TakenMessage; at: EpochMs }[] {
      if (held) {
        lastLeft = Math.max(lastLeft, now);
        return [];
      }
      const gap = perMinute === 0 ? 0 : MINUTE / perMinute;
      const gone: { message: TakenMessage; at: EpochMs }[] = [];
      for (let [next] = waiting; next !== undefined; [next] = waiting) {
        const at = Math.max(next.at, lastLeft + gap);
        if (at > now) break;
        lastLeft = at;
        waiting.shift();
        ids.delete(next.id);
        gone.push({ message: next, at: Math.floor(at) });
      }
      return gone;
    },
    /** When the next one leaves, or null when none does by itself. */
    nextLeave({ perMinute, held }: Delivery): EpochMs | null {
      const [next] = waiting;
      if (held || next === undefined) return null;
      return Math.max(next.at, lastLeft + (perMinute === 0 ? 0 : MINUTE / perMinute));
    },
  };
}
