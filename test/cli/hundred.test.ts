import { expect, it } from 'vitest';
import { events, Place, phones } from './program.ts';

// 100 messages at a twentieth of the usual pace (3 s, 75, 30 s). In real time it is measured by hand: docs/performance.md.
const PACE = ['--delay', '0.15', '--batch-size', '75', '--batch-pause', '1.5'];

// A second attempt, because a machine that stalls for two seconds is not a program that does.
it('100 messages take what was estimated, within 10 %', { timeout: 60_000, retry: 1 }, async ({ onTestFinished }) => {
  const place = new Place({ WASSENGER_MIN_DELAY_SECONDS: '0' });
  onTestFinished(() => place.leave());
  place.people(100);
  const sandbox = await place.sandbox('latency=20-140');
  const estimate = JSON.parse((await place.run(['estimate', '--csv', 'people.csv', '--json', ...PACE])).stdout);
  expect(estimate).toMatchObject({ count: 100, eta_seconds: 17 });

  const outcome = await place.run(['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--json', ...PACE]);
  expect([outcome.code, events(outcome)[0]]).toEqual([0, expect.objectContaining({ type: 'plan', eta_seconds: 17, batches: 2 })]);
  const { duration_seconds, ...counts } = events(outcome).at(-1) as Record<string, number>;
  expect(counts).toMatchObject({ type: 'summary', total: 100, sent: 100, failed: 0, pending: 0, in_doubt: 0 });
  expect(duration_seconds).toBeGreaterThan(17 * 0.9);
  expect(duration_seconds).toBeLessThan(17 * 1.1);

  const accepted = await sandbox.accepted();
  expect(accepted.map(({ phone }) => phone)).toEqual(phones(100));
  const gaps = accepted.slice(1).map(({ at }, i) => Date.parse(at) - Date.parse(accepted[i]?.at ?? ''));
  expect(gaps.filter((gap) => gap >= 1_500)).toHaveLength(1);
  expect(gaps.indexOf(Math.max(...gaps))).toBe(74);
});
