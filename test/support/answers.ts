import fc from 'fast-check';
import type { Outcome } from '../../src/core/outcome.ts';
import { MINUTE } from '../../src/core/units.ts';
import type { Behaviour } from './memory-provider.ts';
import type { SimWorld } from './sim-world.ts';

export const accepted: Outcome = { kind: 'accepted', providerId: 'x', whatsappId: null };
export const invalid: Outcome = { kind: 'rejected', code: 'phone:invalid', reason: 'not on WhatsApp' };
export const unknown = (code: string, offline = false): Outcome => ({ kind: 'unknown', code, reason: code, offline });
/** A 2xx that does not confirm the message. */
export const unexpected: Outcome = {
  ...unknown('http:200'),
  reason: 'the server answered 200 with a web page',
  unexpected: true,
} as Outcome;
export const answers = (answer: Outcome, takes = answer.kind === 'accepted', latencyMs = 100): Behaviour => ({ takes, answer, latencyMs });

/** Gaps between the starts of consecutive sends. */
export function gaps(world: SimWorld): number[] {
  return world.provider.starts.slice(1).map((start, i) => start - (world.provider.starts[i] as number));
}

/** What the provider may do with one call. */
const behaviours: Behaviour[] = [
  answers(accepted),
  answers(accepted),
  answers(accepted, true, 8_000),
  answers(invalid),
  answers(unknown('timeout'), true, 30_000),
  answers(unknown('reset'), true, 0),
  answers(unknown('http:502'), false, 50),
  answers(unknown('http:503', true), false),
  answers(unknown('http:503', true), true),
  answers({ kind: 'throttled', retryAfterMs: 5_000, reason: 'slow down' }),
  answers({ kind: 'unavailable', code: 'ECONNREFUSED', reason: 'refused' }, false, 0),
];
export const faults = fc.array(fc.integer({ min: 0, max: behaviours.length - 1 }), { minLength: 1, maxLength: 40 });
/** Behaves as `faults` drew, call after call, and well once there were `calls`. */
export function faultyFor(calls: number, drawn: number[]): () => Behaviour {
  let made = 0;
  return () => {
    made += 1;
    return made > calls ? answers(accepted) : (behaviours[drawn[made % drawn.length] as number] as Behaviour);
  };
}

export const kills = fc.array(fc.record({ call: fc.integer({ min: 1, max: 150 }), after: fc.boolean() }), { maxLength: 6 });

/** From this age on a list that shows something as old as that proves that what it does not show was not accepted (core/list-knowledge). */
const OLD_ENOUGH_FOR_PROOF = 10 * MINUTE;

/** Resumes until everybody is settled, later each time while somebody is in doubt. Throws the first bug that broke a run, then or before. */
export async function endAllRight(world: SimWorld): Promise<void> {
  for (let tries = 0; tries < 20; tries += 1) {
    const { exitCode, progress } = await world.finish();
    if (world.bugs.length > 0) throw world.bugs[0];
    if (exitCode === 0 || (exitCode === 3 && progress.inDoubt === 0)) return;
    if (progress.inDoubt > 0) world.clock.set(world.clock.now() + OLD_ENOUGH_FOR_PROOF);
  }
  throw new Error('it never ends');
}
