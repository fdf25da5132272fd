import type { Event, RestReason } from '../../core/event.ts';
import type { Progress } from '../../core/progress.ts';
import { type EpochMs, MINUTE, type Milliseconds } from '../../core/units.ts';

/** What the bar and the plain lines show of a run at one moment. */
export interface RunView {
  progress: Progress;
  delayMs: Milliseconds;
  /** D as configured; a longer current delay stands out. */
  normalDelayMs: Milliseconds;
  batch: number;
  /** 0 before the plan. */
  batches: number;
  /** When the run will end, as last computed; 0 before the plan. */
  endsAt: EpochMs;
  rest: { reason: RestReason; until: EpochMs } | null;
  /** The rest that a person was last told of; null once a send went out after it. */
  told: { reason: RestReason; at: EpochMs } | null;
}

/** Before the plan. */
export const UNSEEN: RunView = {
  progress: { total: 0, pending: 0, sent: 0, failed: 0, inDoubt: 0, skipped: 0 },
  delayMs: 0,
  normalDelayMs: 0,
  batch: 0,
  batches: 0,
  endsAt: 0,
  rest: null,
  told: null,
};

/** The view after one more event. */
export function seen(view: RunView, event: Event, now: EpochMs): RunView {
  switch (event.type) {
    case 'plan': {
      const { progress, batches, endsAt } = event;
      return { ...UNSEEN, progress, batches, endsAt, delayMs: event.pace.delayMs, normalDelayMs: event.pace.delayMs };
    }
    case 'sent':
      return { ...view, progress: event.progress, told: null };
    case 'failed':
    case 'in_doubt':
    case 'skipped':
    case 'assumed':
    case 'summary':
      return { ...view, progress: event.progress };
    case 'batch':
      return { ...view, batch: event.batch, batches: event.of };
    case 'delay':
      return { ...view, delayMs: event.toMs, normalDelayMs: event.cause === 'configuration' ? event.toMs : view.normalDelayMs };
    case 'rest': {
      const told = isNews(view, event, now) ? { reason: event.reason, at: now } : view.told;
      return { ...view, rest: { reason: event.reason, until: event.until }, told };
    }
    case 'go_on':
      return { ...view, rest: null };
    case 'tick':
      return { ...view, progress: event.progress, delayMs: event.delayMs, endsAt: now + event.timeLeftMs };
    case 'retry':
    case 'notice':
    case 'paused':
      return view;
  }
}

/** False when the same rest, prolonged without a send in between, was told less than a minute ago. */
export function isNews(view: RunView, rest: { reason: RestReason }, now: EpochMs): boolean {
  return view.told === null || view.told.reason !== rest.reason || now < view.told.at || now - view.told.at >= MINUTE;
}

/** Time left: until the computed end, and never less than the rest that is going on. */
export function timeLeftOf(view: RunView, now: EpochMs): Milliseconds {
  return Math.max(0, view.endsAt - now, view.rest === null ? 0 : view.rest.until - now);
}
