import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeLines } from '../../../src/adapters/terminal/lines.ts';
import type { Event } from '../../../src/core/event.ts';
import { anyRun, EVENTS, fakeOutput, NOON, PHONE, progress } from './support.ts';

/** Tells each event after its time (in seconds from noon) and returns the lines. */
function linesOf(events: [number, Event][], sandbox = false): string[] {
  const out = fakeOutput();
  let now = NOON;
  const lines = makeLines(out, { now: () => now, sandbox, provider: 'Wassenger' });
  for (const [at, event] of events) {
    now = NOON + at * 1_000;
    lines.tell(event);
  }
  return out.text().split('\n').slice(0, -1);
}

const { plan, sent, tick, batch } = EVENTS;

test.each([
  ['plan', []],
  ['sent', []],
  ['failed', ['failed  +229******56  phone:invalid: The number +229******56 is not on WhatsApp (attempt 2)']],
  ['assumed', ['assumed absent  +229******56  no answer within 30 s (wsend-42-17-k3v9x0qd)']],
  ['in_doubt', ['in doubt  +229******56  no answer within 30 s (wsend-42-17-k3v9x0qd)']],
  ['skipped', ['skipped  +229******56  opted out']],
  ['retry', ['retry in 1 min  +229******56  connection reset']],
  ['batch', ['batch 2 of 14: 0/1000 sent, 57 min left (ends 13:01)']],
  ['delay', ['slower, every 4.5 s instead of 3 s: 6.1 % failed']],
  ['rest', ['the device is offline: asking again in 20 s (no network)']],
  ['go_on', []],
  ['tick', []],
  ['notice', ['warning: B is outside 25–100']],
  ['paused', ['stopping: too many failed (11 of 50 failed = 22 %: 11 × phone:invalid)']],
  ['summary', []],
] as const)('without a terminal, %s is told as it should be', (type, lines) => {
  expect(
    linesOf([
      [0, plan],
      [0, EVENTS[type]],
    ]),
  ).toEqual(lines.map((line) => `12:04:31  ${line}`));
});

test.each([
  [{ cause: 'throttled' }, 'slower, every 4.5 s instead of 3 s: Wassenger said slow down (6.1 % failed)'],
  [{ cause: 'recovered', fromMs: 4_500, toMs: 3_000, errorRate: 0.021 }, 'back to every 3 s from 4.5 s: 2.1 % failed'],
  [{ cause: 'configuration' }, 'every 4.5 s instead of 3 s from now on: the setting was changed (6.1 % failed)'],
] as const)('a changed delay is told with its cause and the rate: %j', (changes, line) => {
  expect(linesOf([[0, { ...EVENTS.delay, ...changes }]])).toEqual([`12:04:31  ${line}`]);
});

test.each([
  ['batch_pause', '', 'pause of 20 s'],
  ['throttled', '', 'Wassenger says slow down: waiting 20 s'],
  ['unreachable', 'ENOTFOUND', 'Wassenger cannot be reached: trying again in 20 s (ENOTFOUND)'],
  ['checkpoint', 'redis://me:secret@host', 'the checkpoint cannot be reached: trying again in 20 s (redis://***@host)'],
  ['database', '', 'the database cannot be reached: trying again in 20 s'],
] as const)('a rest (%s) is told in plain words', (reason, detail, line) => {
  expect(linesOf([[0, { ...EVENTS.rest, reason, detail }]])).toEqual([`12:04:31  ${line}`]);
});

test('how far it is is told about every 30 s, not with every message', () => {
  const events = Array.from({ length: 100 }, (_, i): [number, Event] => [
    i,
    { ...sent, progress: progress({ pending: 999 - i, sent: i + 1 }) },
  ]);
  const lines = linesOf([[0, plan], ...events]);
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/^12:0\d:\d\d {2}\d+\/1000 sent, 5\d min left \(ends 13:01\)$/);
});

test('the line of the log is the one in the manual', () => {
  const at = { ...tick, progress: progress({ pending: 867, sent: 132, failed: 1 }), timeLeftMs: 43 * 60_000 };
  expect(
    linesOf([
      [-60, plan],
      [0, at],
    ]),
  ).toEqual(['12:04:31  132/1000 sent, 1 failed, 43 min left (ends 12:47)']);
});

test('in the sandbox the line of the log says so first', () => {
  const at = { ...tick, progress: progress({ pending: 867, sent: 132, failed: 1 }), timeLeftMs: 43 * 60_000 };
  const events: [number, Event][] = [
    [-60, plan],
    [0, at],
  ];
  expect(linesOf(events, true)).toEqual(['12:04:31  sandbox · 132/1000 sent, 1 failed, 43 min left (ends 12:47)']);
});

test('a million messages in a minute are a handful of lines', () => {
  const events = Array.from({ length: 12_000 }, (_, i): [number, Event] =>
    i % 2 === 0 ? [i / 200, { ...batch, batch: i }] : [i / 200, { ...EVENTS.rest, reason: 'batch_pause', until: NOON + i * 5 }],
  );
  expect(linesOf([[0, plan], ...events]).length).toBeLessThanOrEqual(13);
});

test('a device that stays offline is told once a minute, and again after a message went out', () => {
  const offline = (at: number): [number, Event] => [at, { ...EVENTS.rest, until: NOON + at * 1_000 + 20_000 }];
  expect(linesOf([0, 20, 40, 60, 80].map(offline))).toHaveLength(2);
  expect(linesOf([offline(0), [20, sent], offline(25)])).toHaveLength(2);
});

test('a clock that was set back does not silence the log', () => {
  expect(
    linesOf([
      [0, plan],
      [0, batch],
      [-3_600, tick],
      [-3_565, tick],
    ]),
  ).toHaveLength(2);
});

test('nothing is written after close', () => {
  const out = fakeOutput();
  const lines = makeLines(out, { now: () => NOON, sandbox: false, provider: 'Wassenger' });
  lines.close();
  for (const event of Object.values(EVENTS)) lines.tell(event);
  expect(out.writes).toEqual([]);
});

test('whatever happens, every write is whole lines with their time, without escape sequences or whole numbers', () => {
  fc.assert(
    fc.property(anyRun, fc.boolean(), (events, sandbox) => {
      const out = fakeOutput();
      const lines = makeLines(out, { now: () => NOON, sandbox, provider: 'Wassenger' });
      for (const event of events) lines.tell(event);
      for (const write of out.writes) expect(write).toMatch(/^12:04:31 {2}[^\p{Cc}]*\n$/u);
      for (const write of out.writes) expect(write.startsWith('12:04:31  sandbox · ')).toBe(sandbox);
      expect(out.writes.join('')).not.toContain(PHONE.slice(1));
    }),
  );
});
