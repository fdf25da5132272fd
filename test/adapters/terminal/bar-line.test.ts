import fc from 'fast-check';
import { expect, test } from 'vitest';
import { barLine } from '../../../src/adapters/terminal/bar-line.ts';
import { makePaint, PLAIN } from '../../../src/adapters/terminal/paint.ts';
import { type RunView, UNSEEN } from '../../../src/adapters/terminal/run-view.ts';
import { cells } from '../../../src/adapters/terminal/terminal-text.ts';
import type { RestReason } from '../../../src/core/event.ts';
import { anyProgress, NOON, progress } from './support.ts';

const view = (changes: Partial<RunView> = {}): RunView => ({
  ...UNSEEN,
  progress: progress({ pending: 659, sent: 341 }),
  delayMs: 3_000,
  normalDelayMs: 3_000,
  batch: 5,
  batches: 14,
  endsAt: NOON + 1_992_000,
  ...changes,
});
const line = (changes: Partial<RunView>, columns: number, sandbox = false) =>
  barLine(view(changes), { columns, now: NOON, paint: PLAIN, sandbox, provider: 'Wassenger' });

test.each([
  ['as it goes', {}, 80, '⠹ ████░░░░░░░░  34 %   341/1000  every 3 s   batch 5/14  33:12 left, ends 12:37'],
  [
    'on a wide terminal',
    {},
    120,
    '⠹ █████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░  34 %   341/1000 sent  every 3 s   batch 5 of 14  33:12 left, ends 12:37',
  ],
  [
    'with failures, slowed down',
    { progress: progress({ pending: 657, sent: 341, failed: 2 }), delayMs: 4_500 },
    80,
    '⠹ █░░░░  34 %   341/1000  2 failed  every 4.5 s  batch 5/14  33:12 left (12:37)',
  ],
  [
    'between batches',
    { rest: { reason: 'batch_pause', until: NOON + 23_000 } },
    80,
    '⠹ ████░░░░░░░░  34 %   341/1000  pause 0:23  batch 5/14  33:12 left, ends 12:37',
  ],
  [
    'throttled',
    { rest: { reason: 'throttled', until: NOON + 58_000 } },
    80,
    '⠹ ██░░░░░░  34 %   341/1000  Wassenger says slow down: 0:58  33:12 left (12:37)',
  ],
  [
    'offline',
    { rest: { reason: 'offline', until: NOON + 20_000 } },
    80,
    '⠹ █████░░░░░░░░░░  34 %   341/1000  the device is offline: asking again in 0:20',
  ],
  ['offline on a narrow terminal', { rest: { reason: 'offline', until: NOON + 20_000 } }, 40, '⠹ █░░░░  34 %   341/1000  offline: 0:20'],
  ['on a narrow terminal', {}, 40, '⠹ ██░░░░░░  34 %   341/1000  33:12 left'],
  [
    'at the end',
    { progress: progress({ sent: 999, inDoubt: 1 }) },
    80,
    '⠹ ████████████  100 %   999/1000  1 in doubt  every 3 s   batch 5/14  finishing',
  ],
  [
    'before the first batch',
    { progress: progress({ pending: 1000 }), batch: 0 },
    80,
    '⠹ ░░░░░░░░░░░░░░░░░░░   0 %     0/1000 sent  every 3 s   33:12 left, ends 12:37',
  ],
] as [string, Partial<RunView>, number, string][])('the bar %s', (_, changes, columns, expected) => {
  expect(line(changes, columns)).toBe(expected);
});

test.each([
  [80, '⠹ sandbox  ██░░░░░  34 %   341/1000  every 3 s   batch 5/14  33:12 left (12:37)'],
  [40, '⠹ sandbox  34 %   341/1000  33:12'],
])('in the sandbox the bar says so first, at %i columns', (columns, expected) => {
  expect(line({}, columns, true)).toBe(expected);
});

test('a longer rest than the computed end is part of the time left', () => {
  expect(line({ rest: { reason: 'throttled', until: NOON + 3_600_000 } }, 120)).toContain('1:00:00 left');
});

test('it moves twice a second even when nothing happens', () => {
  const at = (now: number) => barLine(view({ endsAt: 0 }), { columns: 80, now, paint: PLAIN, sandbox: false, provider: 'Wassenger' });
  expect(new Set([at(NOON), at(NOON + 500), at(NOON + 1_000)]).size).toBe(3);
});

const anyView: fc.Arbitrary<RunView> = fc.record({
  progress: anyProgress,
  delayMs: fc.nat(100_000),
  normalDelayMs: fc.nat(100_000),
  batch: fc.nat(40_000),
  batches: fc.nat(40_000),
  endsAt: fc.integer({ min: 0, max: NOON * 2 }),
  rest: fc.option(
    fc.record({
      reason: fc.constantFrom<RestReason[]>('batch_pause', 'throttled', 'offline', 'unreachable', 'checkpoint', 'database'),
      until: fc.integer({ min: 0, max: NOON * 2 }),
    }),
  ),
  told: fc.constant(null),
});

test.each([40, 80, 120])('at %i columns it never wraps, with a million recipients and whatever they do', (columns) => {
  fc.assert(
    fc.property(anyView, fc.boolean(), fc.boolean(), (any, color, sandbox) => {
      const shown = barLine(any, { columns, now: NOON, paint: makePaint(color), sandbox, provider: 'Wassenger' });
      expect(shown.includes('sandbox')).toBe(sandbox);
      expect(cells(shown)).toBeLessThan(columns);
      expect(shown).not.toMatch(/[\n\r]/);
    }),
    { numRuns: 500 },
  );
});

test('at any width it never wraps, and wider than 25 columns it shows how many were sent', () => {
  fc.assert(
    fc.property(anyView, fc.integer({ min: 1, max: 300 }), fc.boolean(), (any, columns, sandbox) => {
      const shown = barLine(any, { columns, now: NOON, paint: PLAIN, sandbox, provider: 'Wassenger' });
      expect(cells(shown)).toBeLessThan(columns);
      if (columns > 25) expect(shown).toMatch(/[\d,]+\/[\d,]+/);
    }),
  );
});

test('colour marks what went wrong, and without colour there is none', () => {
  const troubled = view({ progress: progress({ pending: 1, failed: 2, inDoubt: 3 }), delayMs: 4_500 });
  const shown = barLine(troubled, { columns: 120, now: NOON, paint: makePaint(true), sandbox: false, provider: 'Wassenger' });
  expect(shown).toContain('\x1b[31m2 failed\x1b[39m');
  expect(shown).toContain('\x1b[33m3 in doubt\x1b[39m');
  expect(shown).toContain('\x1b[33mevery 4.5 s');
  expect(barLine(troubled, { columns: 120, now: NOON, paint: PLAIN, sandbox: false, provider: 'Wassenger' })).not.toContain('\x1b');
});
