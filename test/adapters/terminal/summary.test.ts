import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makePaint, PLAIN } from '../../../src/adapters/terminal/paint.ts';
import { essentialLine, summaryText } from '../../../src/adapters/terminal/summary.ts';
import { anyRun, EVENTS, progress } from './support.ts';

const { summary, paused } = EVENTS;
const story = { provider: 'Wassenger', sandbox: false, paused };

test('the summary says how it ended, what became of everyone, why some failed, and what to type next', () => {
  expect(summaryText(summary, story, PLAIN)).toBe(`Campaign 42 is paused, too many failed: 11 of 50 failed = 22 %: 11 × phone:invalid
  sent        960
  failed       28
  in doubt      1
  pending      10
  skipped       1
  total      1000
  took       11 min 11 s, one message every 0.7 s on average
  answers    median 212 ms, 95 % within 1.5 s
Failed:
  25 × phone:invalid  The number is not on WhatsApp
   3 × error:500      Internal error
Next: wsend resume 42
`);
});

test('a run that did all it should is short', () => {
  const done = {
    ...summary,
    progress: progress({ sent: 3 }),
    durationMs: 9_000,
    calls: { count: 3, spanMs: 6_000 },
    failures: [],
    latency: null,
    exitCode: 0,
    next: null,
  };
  expect(summaryText(done, { ...story, paused: null }, PLAIN)).toBe(`Campaign 42 is finished
  sent       3
  failed     0
  in doubt   0
  pending    0
  total      3
  took       9 s, one message every 3 s on average
`);
  expect(essentialLine(done, false)).toBe('Campaign 42: 3 of 3 sent\n');
});

test.each([
  [0, null, 'Campaign 42: nobody is in doubt, 10 are still pending'],
  [3, null, 'Campaign 42: 28 failed and 1 is in doubt, 10 are still pending'],
  [
    4,
    { ...paused, reason: 'barred', detail: '401: the key is refused' },
    'Campaign 42 is stopped, Wassenger refuses the line: 401: the key is refused',
  ],
  [6, { ...paused, reason: 'pause', detail: '' }, 'Campaign 42 is paused, asked to pause'],
  [6, { ...paused, reason: 'limit', detail: '--limit 10' }, 'Campaign 42 is paused, the limit is reached: --limit 10'],
  [6, null, 'Campaign 42 is paused'],
  [7, null, 'Campaign 42 is stopped, another run holds it'],
  [130, { ...paused, reason: 'signal', detail: 'SIGINT' }, 'Campaign 42 is interrupted; nothing is lost'],
  [1, null, 'Campaign 42 is stopped by an error'],
] as const)('exit code %i is put into words', (exitCode, why, verdict) => {
  expect(summaryText({ ...summary, exitCode }, { ...story, paused: why }, PLAIN).split('\n')[0]).toBe(verdict);
});

test.each([
  [0, { sent: 999 }, 'Campaign 42 is finished'],
  [3, { sent: 970, failed: 28, inDoubt: 1 }, 'Campaign 42 is finished, but 28 failed and 1 is in doubt'],
] as const)('exit code %i with nobody pending is a campaign that is finished', (exitCode, parts, verdict) => {
  const finished = { ...summary, exitCode, progress: progress(parts) };
  expect(summaryText(finished, { ...story, paused: null }, PLAIN).split('\n')[0]).toBe(verdict);
});

test('quiet is one line with what matters', () => {
  expect(essentialLine(summary, false)).toBe(
    'Campaign 42: 960 of 1000 sent, 28 failed, 1 in doubt, 10 pending, 1 skipped. Next: wsend resume 42\n',
  );
});

test('a rehearsal says so first', () => {
  expect(summaryText(summary, { ...story, sandbox: true }, PLAIN)).toMatch(/^sandbox · Campaign 42 is paused, too many failed/);
  expect(essentialLine(summary, true)).toMatch(/^sandbox · Campaign 42: 960 of 1000 sent/);
});

test('only the verdict is coloured', () => {
  const [first, ...others] = summaryText(summary, story, makePaint(true)).split('\n');
  expect(first).toBe('\x1b[31mCampaign 42 is paused, too many failed: 11 of 50 failed = 22 %: 11 × phone:invalid\x1b[39m');
  expect(others.join('')).not.toContain('\x1b');
});

test('the average is that of the gaps between the calls of this run, and a fast one is told by the second', () => {
  const tookOf = (count: number, spanMs: number, sent = 5_000) => {
    const ended = { ...summary, progress: progress({ sent }), durationMs: 10_000, calls: { count, spanMs } };
    return /took +(.*)/.exec(summaryText(ended, { ...story, paused: null }, PLAIN))?.[1];
  };
  expect(tookOf(1_001, 10_000)).toBe('10 s, 100 messages a second on average');
  expect(tookOf(3, 6_000)).toBe('10 s, one message every 3 s on average');
  expect(tookOf(2, 3_000)).toBe('10 s, one message every 3 s on average');
  expect(tookOf(1, 0)).toBe('10 s');
  expect(tookOf(21, 900, 0)).toBe('10 s');
  expect(summaryText({ ...summary, calls: null }, story, PLAIN)).toContain('took       11 min 11 s\n');
});

test('whatever the numbers, the rows add up to the total and no line is broken', () => {
  fc.assert(
    fc.property(anyRun, (events) => {
      const end = events.at(-1);
      if (end?.type !== 'summary') throw new Error('no summary');
      const text = summaryText(end, { ...story, paused: null }, PLAIN);
      const rows = [...text.matchAll(/^ {2}(sent|failed|in doubt|pending|skipped|total) +([\d,]+)$/gm)];
      const counts = rows.map(([, , n]) => Number(n?.replaceAll(',', '')));
      const total = counts.pop();
      expect(counts.reduce((a, b) => a + b, 0)).toBe(total);
      expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    }),
  );
});
