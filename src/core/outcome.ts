import type { Alias } from './incoming.ts';
import type { Milliseconds } from './units.ts';

/**
 * What one attempt proved. The provider adapter makes one of these of every answer, including none at all.
 *
 * - `accepted`: the provider took the message. `alias` is what it calls the recipient.
 * - `rejected`: it refused this recipient for good (`code` such as `phone:invalid`).
 * - `barred`: it refuses our key, plan or device, or the request itself; every further send would fare the same.
 * - `throttled`: it was not taken because we are too fast (429).
 * - `unavailable`: it was certainly not taken, because no request left this machine (DNS, refused, TLS, or too late to be safe).
 * - `unknown`: it may have been taken (timeout, reset, 5xx, a 2xx that does not confirm it): look the reference up. `offline` marks a 503, after
 *   which the device is asked; `unexpected` marks an answer that should have confirmed the message and says something else (UNEXPECTED_IN_A_ROW).
 */
export type Outcome =
  | { kind: 'accepted'; providerId: string | null; whatsappId: string | null; alias?: Alias | null }
  | { kind: 'rejected'; code: string; reason: string }
  | { kind: 'barred'; code: string; reason: string }
  | { kind: 'throttled'; retryAfterMs: Milliseconds | null; reason: string }
  | { kind: 'unavailable'; code: string; reason: string }
  | { kind: 'unknown'; code: string; reason: string; offline: boolean; unexpected?: true };

/** Unexpected answers in a row on a line after which it stops: whatever answers there is not the provider as we know it. */
export const UNEXPECTED_IN_A_ROW = 5;

/**
 * What one look-up of a reference proved.
 *
 * - `found`: the provider holds a message with our reference, number and line. `failure` is set when it was accepted and then failed there;
 *   `ageMs` is how long ago it was accepted at most, by the provider's own clock, where it says so.
 * - `absent`: the provider listed everything it has under the reference, and ours is not in it.
 * - `unsure`: it cannot tell. `reachable` is false when it did not answer at all, or with an error; `askAgainAfterMs` is there when that may pass
 *   (null: the provider does not say when).
 * - `barred`: it refuses our key or plan, and so did not look.
 * - `unaskable`: it cannot be asked, now or later. No wait and no further question tells more.
 */
export type Finding =
  | {
      kind: 'found';
      providerId: string | null;
      whatsappId: string | null;
      line?: string | null;
      alias?: Alias | null;
      ageMs?: Milliseconds;
      failure: { code: string; reason: string } | null;
    }
  | { kind: 'absent' }
  | { kind: 'unsure'; reason: string; reachable: boolean; askAgainAfterMs?: Milliseconds | null }
  | { kind: 'barred'; code: string; reason: string }
  | { kind: 'unaskable'; reason: string };

/**
 * How the line is. `waiting`: not ready now, may become so by itself; `queuePaused` where it takes messages and delivers none. `barred`: a person must act; `byDevice` where the device itself says so, and
 * it is not the asking that is refused. `unreachable`: no answer. `queued`: messages that wait in the line's own queue, where it tells that.
 */
export type LineState =
  | { kind: 'ready'; name: string; queued?: number }
  | { kind: 'waiting'; reason: string; queuePaused?: boolean }
  | { kind: 'barred'; code: string; reason: string; byDevice?: boolean }
  | { kind: 'unreachable'; reason: string };
