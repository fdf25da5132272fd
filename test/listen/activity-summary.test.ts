import { expect, it } from 'vitest';
import { ActivitySummary } from '../../src/listen/activity-summary.ts';

const ROUND = { message2: { pending: 0, failed: 0 }, moved: [] };

function told(tidings: ActivitySummary): string[] {
  const lines: string[] = [];
  tidings.tell({ aside: (text) => lines.push(text) });
  return lines;
}

it('replies that fit nobody are told with masked numbers, a few of them, and once', () => {
  const tidings = new ActivitySummary();
  const results = ['+22997000017', '+22997000018', '+22997000017', '123456789012345@lid', '+22997000020', '+22997000021'].map(
    (stranger) => ({ kind: 'reply', result: 'unrelated', stranger }) as const,
  );
  tidings.add({ ...ROUND, results });
  tidings.add({ ...ROUND, results: [{ kind: 'reply', result: 'opted_out', stranger: '+22997000030' }] });
  const [counts, strangers, ...more] = told(tidings);
  expect(counts).toBe('1 contact said stop');
  expect(strangers).toMatch(/^no contact fits 7 replies: from \+229\*+17, \+229\*+18, 1234\*+id, and 3 more$/);
  expect(more).toEqual([]);
  expect(told(tidings)).toEqual([]);
});

it('what is not understood is told with the event and the reason', () => {
  const tidings = new ActivitySummary();
  for (let i = 0; i < 3; i += 1) tidings.notUnderstood({ kind: 'strange', event: 'message:in:new', reason: 'it has no id' });
  expect(told(tidings)).toEqual([expect.stringMatching(/^3 events not understood \(message:in:new: it has no id\): answered with 422/)]);
});
