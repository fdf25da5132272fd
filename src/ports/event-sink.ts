import type { Event } from '../core/event.ts';

export interface Report {
  /** Shows one fact. Never throws and never waits: a closed pipe or terminal must not stop a campaign halfway through a send. */
  tell(event: Event): void;
}
