import fc from 'fast-check';
import { expect, test } from 'vitest';
import { estimateJson, estimateText } from '../../../src/adapters/terminal/estimate-text.ts';
import { planText } from '../../../src/adapters/terminal/plan.ts';
import { eta, OLDER_PACE } from '../../../src/core/eta.ts';
import type { Pace } from '../../../src/core/pacing.ts';
import { EVENTS, NOON, progress } from './support.ts';

const DEFAULT: Pace = { delayMs: 3_000, batchSize: 75, batchPauseMs: 30_000 };
const estimate = (count: number, pace: Pace) => ({ count, pace, etaMs: eta(count, pace), endsAt: NOON + eta(count, pace) });

test('an estimate for 1000 says 56 min 40 s, and what that saves against a cautious one', () => {
  expect(estimateText(estimate(1_000, DEFAULT), NOON)).toBe(`1000 recipients: 56 min 40 s, until 13:01 if begun now
  one message every 3 s, 30 s pause after each 75 (14 batches)
  compared with 5 s delay, batches of 50, 60 s pause: 1 h 43 min 20 s, 46 min 40 s saved (45 %)
`);
});

test.each([
  [OLDER_PACE, 'as long as with 5 s delay, batches of 50, 60 s pause'],
  [{ ...OLDER_PACE, delayMs: 10_000 }, 'compared with 5 s delay, batches of 50, 60 s pause: 1 h 43 min 20 s, 1 h 23 min 20 s more (81 %)'],
])('a setting that is no faster says so: %j', (pace, line) => {
  expect(estimateText(estimate(1_000, pace), NOON)).toContain(line);
});

test('an estimate that ends tomorrow has its date', () => {
  expect(estimateText(estimate(20_000, DEFAULT), NOON)).toContain(
    '20,000 recipients: 18 h 53 min 20 s, until Wed 11 Mar 06:57 if begun now',
  );
});

test('nobody to send to takes no time, whatever the pace', () => {
  expect(estimateText(estimate(0, DEFAULT), NOON)).toBe('Nobody is left to send to.\n');
});

test('a script gets seconds', () => {
  expect(JSON.stringify(estimateJson(estimate(1_000, { ...DEFAULT, delayMs: 2_500 })))).toBe(
    `{"type":"estimate","count":1000,"delay_seconds":2.5,"batch_size":75,"batch_pause_seconds":30,"eta_seconds":2900,"ends_at":"${new Date(NOON + 2_900_000).toISOString()}"}`,
  );
});

test('any estimate can be told', () => {
  const pace = fc.record({ delayMs: fc.nat(10_000), batchSize: fc.integer({ min: 1, max: 1_000 }), batchPauseMs: fc.nat(600_000) });
  fc.assert(
    fc.property(fc.nat(1_000_000), pace, (count, any) => {
      expect(estimateText(estimate(count, any), NOON)).not.toMatch(/NaN|Infinity|undefined|unknown/);
    }),
  );
});

test('before it sends, a run says to how many, how fast, and until when', () => {
  expect(planText(EVENTS.plan, NOON)).toBe(`Campaign 42, Back to school
  to send  1000 recipients
  pace     one message every 3 s, 30 s pause after each 75
  batches  14
  takes    about 56 min 40 s, until 13:01
`);
});

test('a resumed run says what was done before, and the sandbox that nobody gets anything', () => {
  const resumed = {
    ...EVENTS.plan,
    name: 'a\x1b[2J\nb',
    sandbox: true,
    progress: progress({ pending: 570, sent: 428, failed: 1, inDoubt: 1 }),
    count: 570,
  };
  expect(planText(resumed, NOON).split('\n').slice(0, 2)).toEqual([
    'sandbox · Campaign 42, a b (nobody gets anything)',
    '  to send  570 of 1000 recipients (428 sent, 1 failed, 1 in doubt before)',
  ]);
  const retried = { ...EVENTS.plan, progress: progress({ pending: 92, sent: 28 }), count: 2 };
  const nobody = { ...retried, count: 0, progress: progress({ pending: 0, sent: 119, failed: 1 }) };
  expect(planText(nobody, NOON).split('\n').slice(1)).toEqual(['  to send  nobody is left to send to (119 sent, 1 failed before)', '']);
  expect(planText(retried, NOON).split('\n')[1]).toBe('  to send  2 of 120 recipients (28 sent before; 90 pending and left alone)');
});
