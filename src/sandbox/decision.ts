import type { Milliseconds } from '../core/units.ts';
import { fits, ODD_ANSWERS, type OddAnswer, type Range } from './fault-values.ts';
import type { Faults } from './faults.ts';

/** What happens to one send: refused or not taken for a reason, or taken and then perhaps answered badly. */
export type Decision =
  | { kind: 'refused'; by: 'number' | 'throttle' | 'offline' | 'error' | 'reset' }
  | { kind: 'taken'; fails: boolean; answer: 'good' | 'error' | 'reset' | 'slow' | 'cut' }
  | { kind: 'odd'; taken: boolean; fails: boolean; answer: OddAnswer };

/** A send as fate sees it: `nth` try of this reference (from 1), `number` among all sends of this sandbox (from 1). */
export interface Send {
  reference: string;
  phone: string;
  nth: number;
  number: number;
  /** Since the faults were set. */
  elapsedMs: Milliseconds;
}

/** The fate of a send. It depends on the seed, the reference and its n-th try (a number that is rejected stays rejected), not on the order of requests. */
export function decisionOf(send: Send, faults: Faults): Decision {
  const strikes = (name: 'throttle' | 'errorBefore' | 'odd' | 'errorAfter' | 'resetBefore' | 'resetAfter' | 'slow' | 'truncate') =>
    faults[name] > 0 && chance(faults.seed, name, send.reference, send.nth) < faults[name];
  if (isRejected(send.phone, faults)) return { kind: 'refused', by: 'number' };
  if (strikes('throttle') || (faults.throttleEvery > 0 && send.number % faults.throttleEvery === 0))
    return { kind: 'refused', by: 'throttle' };
  if (isOffline(faults, send.elapsedMs)) return { kind: 'refused', by: 'offline' };
  if (strikes('errorBefore')) return { kind: 'refused', by: 'error' };
  if (strikes('resetBefore')) return { kind: 'refused', by: 'reset' };
  const fails = faults.failLater > 0 && chance(faults.seed, 'failLater', send.reference) < faults.failLater;
  if (strikes('odd')) {
    const { reference, nth } = send;
    const drawn = ODD_ANSWERS[Math.floor(chance(faults.seed, 'oddAs', reference, nth) * ODD_ANSWERS.length)] as OddAnswer;
    const taken = chance(faults.seed, 'oddTaken', reference, nth) < faults.oddTaken;
    return { kind: 'odd', taken, fails, answer: faults.oddAs === 'any' ? drawn : faults.oddAs };
  }
  if (strikes('errorAfter')) return { kind: 'taken', fails, answer: 'error' };
  if (strikes('resetAfter')) return { kind: 'taken', fails, answer: 'reset' };
  if (strikes('slow')) return { kind: 'taken', fails, answer: 'slow' };
  if (strikes('truncate')) return { kind: 'taken', fails, answer: 'cut' };
  return { kind: 'taken', fails, answer: 'good' };
}

/** True inside the stretch of time in which the device is offline. */
export function isOffline({ offline }: Pick<Faults, 'offline'>, elapsedMs: Milliseconds): boolean {
  return elapsedMs >= offline.min && elapsedMs < offline.max;
}

/** A whole number of milliseconds from a range, by luck. */
export function within({ min, max }: Range, seed: number, ...words: (string | number)[]): Milliseconds {
  return min === max ? min : min + Math.floor(chance(seed, ...words) * (max - min + 1));
}

function isRejected(phone: string, { reject, seed }: Faults): boolean {
  return (reject.share > 0 && chance(seed, 'reject', phone) < reject.share) || reject.patterns.some((pattern) => fits(pattern, phone));
}

/**
 * A number from 0 (included) to 1 (excluded) that depends on nothing but the seed and the words: the same rehearsal meets the same luck, in
 * whatever order its requests arrive.
 */
export function chance(seed: number, ...words: (string | number)[]): number {
  let hash = 0x811c9dc5 ^ seed;
  for (const char of words.join('\n')) hash = Math.imul(hash ^ (char.codePointAt(0) as number), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
