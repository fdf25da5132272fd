import { expect } from 'vitest';
import { expectEveryoneOnce, expectSum, expectTidy } from './expectations.ts';
import { events, type Outcome, Place, phones, QUICK, type Sandbox, type Started } from './program.ts';

// A campaign in mid-run, and what must be true of it after something that it needs went away.

export const COUNT = 80;
export const RUN = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--json'];
/** Answers take their time, so that some are always in flight when something goes away. */
export const LATENCY = 'latency=5-60';
export const PACE = { ...QUICK, WASSENGER_RATE_LIMIT_SECONDS: '0.04' };

/** Where it runs. */
export interface Scene {
  place: Place;
  sandbox: Sandbox;
  running: Started;
}

/** A campaign that has begun to send. */
export async function begun(env: Record<string, string> = {}): Promise<Scene> {
  const place = new Place({ ...PACE, ...env });
  place.people(COUNT);
  const sandbox = await place.sandbox(LATENCY);
  const running = place.start(RUN);
  await running.tells('sent', 10);
  return { place, sandbox, running };
}

/** It has ended, all that it did is accounted for, and resumed it reaches everyone once. */
export async function expectLost({ place, sandbox }: Scene, outcome: Outcome, words: RegExp): Promise<void> {
  expectComplaintOf(outcome, words);
  expect(events(outcome)[0]).toMatchObject({ type: 'plan' });
  const summary = events(outcome).at(-1) as Record<string, unknown>;
  expect(summary).toMatchObject({ type: 'summary', exit_code: 1, next: 'wsend resume 1' });
  expectSum(summary);
  await expectEveryoneOnce(place, sandbox, phones(COUNT));
}

/** With --json the complaint is the last line of stderr, after the notices. */
export function expectComplaintOf(outcome: Outcome, words: RegExp): void {
  expect(outcome.code, outcome.stderr).toBe(1);
  const last = JSON.parse(outcome.stderr.trim().split('\n').at(-1) ?? '');
  expect(last).toMatchObject({ type: 'error', code: 1, message: expect.stringMatching(words) });
  // Something that stays away is not told twice a second.
  expect(outcome.stderr.split('\n').length, outcome.stderr).toBeLessThan(12);
  expectTidy(outcome);
}

export async function expectCarriedOn({ place, sandbox, running }: Scene): Promise<void> {
  const outcome = await running.ended;
  expect(outcome.code, outcome.stderr).toBe(0);
  expectTidy(outcome);
  expect(events(outcome).at(-1)).toMatchObject({ type: 'summary', sent: COUNT, in_doubt: 0 });
  await expectEveryoneOnce(place, sandbox, phones(COUNT));
}
