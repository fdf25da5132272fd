import { expect, it } from 'vitest';
import { HOUR, SECOND } from '../../src/core/units.ts';
import { LookUpSchedule } from '../../src/listen/look-up-schedule.ts';

it('what stays in doubt is looked up more and more seldom, at least once an hour', () => {
  const lookAgain = new LookUpSchedule();
  const tries: number[] = [];
  for (let now = 0; now < 10 * HOUR; now += SECOND) if (lookAgain.isDue('42 line', false, now)) tries.push(now);
  const waits = tries.slice(1).map((at, i) => (at - (tries[i] as number)) / SECOND);
  expect(tries[0]).toBe(0);
  expect(waits.slice(0, 8)).toEqual([30, 60, 120, 240, 480, 960, 1_920, 3_600]);
  expect(new Set(waits.slice(7))).toEqual(new Set([3_600]));
});

it('who was never tried is tried at once, and then the waits begin anew', () => {
  const lookAgain = new LookUpSchedule();
  for (const at of [0, 30, 90]) expect(lookAgain.isDue('a', false, at * SECOND)).toBe(true);
  expect(lookAgain.isDue('a', false, 91 * SECOND)).toBe(false);
  expect(lookAgain.isDue('b', false, 91 * SECOND)).toBe(true);
  expect(lookAgain.isDue('a', true, 92 * SECOND)).toBe(true);
  expect(lookAgain.isDue('a', false, 93 * SECOND)).toBe(true);
  expect(lookAgain.isDue('a', false, 93 * SECOND + 29_999)).toBe(false);
  expect(lookAgain.isDue('a', false, 123 * SECOND)).toBe(true);
});
