import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { makeBar } from '../../../src/adapters/terminal/bar.ts';
import { PLAIN } from '../../../src/adapters/terminal/paint.ts';
import { anyRun, EVENTS, fakeOutput, NOON, PHONE, progress, terminalAfter } from './support.ts';

const bars: { close(): void }[] = [];
afterEach(() => {
  for (const bar of bars.splice(0)) bar.close();
});

function barOn(width: number, now = () => NOON, sandbox = false) {
  const out = fakeOutput({ isTTY: true, width });
  const bar = makeBar(out, { now, paint: PLAIN, sandbox, provider: 'Wassenger' });
  bars.push(bar);
  return { out, bar, screen: () => terminalAfter(out.writes, out.width) };
}

test('what a person should read stays above the bar, with numbers masked; the rest is in the bar', () => {
  const { bar, screen, out } = barOn(120);
  const { plan, sent, failed, in_doubt, retry, batch, delay, rest, go_on, tick, notice, paused } = EVENTS;
  for (const event of [plan, batch, tick, sent, failed, in_doubt, retry, delay, rest, go_on, notice, paused, EVENTS.summary])
    bar.tell(event);
  expect(screen().rows).toEqual([
    '12:04:31  failed  +229******56  phone:invalid: The number +229******56 is not on WhatsApp (attempt 2)',
    '12:04:31  in doubt  +229******56  no answer within 30 s (wsend-42-17-k3v9x0qd)',
    '12:04:31  retry in 1 min  +229******56  connection reset',
    '12:04:31  slower, every 4.5 s instead of 3 s: 6.1 % failed',
    '12:04:31  the device is offline: asking again in 20 s (no network)',
    '12:04:31  warning: B is outside 25–100',
    '12:04:31  stopping: too many failed (11 of 50 failed = 22 %: 11 × phone:invalid)',
    '',
  ]);
  expect(out.text()).not.toContain(PHONE.slice(1));
});

test('in the sandbox the bar and every line above it say so', () => {
  const { bar, screen } = barOn(120, () => NOON, true);
  for (const event of [EVENTS.notice, EVENTS.plan, EVENTS.batch, EVENTS.failed]) bar.tell(event);
  bar.tell(EVENTS.delay);
  expect(screen().rows[0]).toMatch(/^12:04:31 {2}sandbox · warning: B is outside 25–100$/);
  expect(screen().rows.at(-1)).toMatch(/^\S sandbox {2}░/);
  bar.close();
  for (const row of screen().rows.slice(0, -1)) expect(row).toMatch(/^12:04:31 {2}sandbox · /);
});

test('the bar waits for the first event after the plan, so that a question may be asked before it', () => {
  const { bar, out } = barOn(80);
  bar.tell(EVENTS.plan);
  bar.tell(EVENTS.notice);
  expect(out.text()).toBe('12:04:31  warning: B is outside 25–100\n');
  bar.tell(EVENTS.batch);
  expect(out.text()).toContain('0/1000');
});

test('while it runs the cursor is hidden and nothing is left switched off; afterwards the bar is gone and the cursor is back', () => {
  const { bar, screen } = barOn(80);
  bar.tell(EVENTS.plan);
  bar.tell(EVENTS.batch);
  expect(screen()).toMatchObject({ cursorShown: false, wraps: true, row: 0 });
  bar.close();
  bar.close();
  expect(screen()).toEqual({ rows: [''], cursorShown: true, wraps: true, row: 0 });
});

test('nothing is written after close, not even by a timer', async () => {
  const { bar, out } = barOn(80);
  for (const event of [EVENTS.plan, EVENTS.batch, EVENTS.sent, EVENTS.failed]) bar.tell(event);
  bar.close();
  const { length } = out.writes;
  for (const event of Object.values(EVENTS)) bar.tell(event);
  await sleep(700);
  expect(out.writes.length).toBe(length);
});

test('a line that is waiting for its frame is not lost when the bar is closed', () => {
  const { bar, screen } = barOn(120);
  for (const event of [EVENTS.plan, EVENTS.batch, EVENTS.failed]) bar.tell(event);
  bar.close();
  expect(screen().rows[0]).toContain('phone:invalid');
});

test('however fast it goes it is drawn at most about ten times a second, and each frame is one write', async () => {
  const { bar, out } = barOn(80);
  bar.tell(EVENTS.plan);
  bar.tell(EVENTS.batch);
  const begin = performance.now();
  for (let sent = 0; performance.now() < begin + 1_000; sent += 1) {
    bar.tell({ ...EVENTS.sent, progress: progress({ pending: 100_000 - sent, sent }) });
    if (sent % 100 === 0) await sleep(1);
  }
  const tenths = (performance.now() - begin) / 100;
  expect(out.writes.length).toBeGreaterThan(1);
  expect(out.writes.length).toBeLessThan(tenths + 6);
  for (const write of out.writes) expect(write.endsWith('\x1b[J\x1b[?7h\r')).toBe(true);
});

test('it is drawn at least once a second when nothing happens, and counts down', async () => {
  const { bar, screen } = barOn(80, Date.now);
  bar.tell({ ...EVENTS.plan, endsAt: Date.now() + 3_600_000 });
  bar.tell({ ...EVENTS.rest, reason: 'batch_pause', until: Date.now() + 23_000 });
  expect(screen().rows[0]).toContain('pause 0:23');
  await sleep(2_300);
  expect(screen().rows[0]).toMatch(/pause 0:2[01]/);
});

test('a resized terminal gets a line that fits it with the next frame', async () => {
  const { bar, out } = barOn(120);
  bar.tell(EVENTS.plan);
  bar.tell(EVENTS.batch);
  out.width = 50;
  out.writes.length = 0;
  await sleep(700);
  expect(terminalAfter(out.writes, 50).rows).toHaveLength(1);
});

test('a second campaign gets a bar of its own', () => {
  const { bar, screen } = barOn(120);
  for (const event of [EVENTS.plan, EVENTS.sent, EVENTS.summary, EVENTS.plan, EVENTS.batch]) bar.tell(event);
  expect(screen().rows[0]).toContain('0/1000 sent');
  expect(screen().rows).toHaveLength(1);
});

test.each([40, 80, 120])('at %i columns no event breaks the line: the bar is one row below whole lines', (width) => {
  fc.assert(
    fc.property(anyRun, (events) => {
      const { bar, out, screen } = barOn(width);
      for (const event of events.slice(0, -1)) bar.tell(event);
      bar.close();
      const { rows, cursorShown, wraps, row } = screen();
      expect({ last: rows[row], rows: rows.length, cursorShown, wraps }).toEqual({
        last: '',
        rows: row + 1,
        cursorShown: true,
        wraps: true,
      });
      for (const shown of rows) expect(shown).not.toMatch(/[█░]{4}|^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] +\d+ %/);
      expect(out.text()).not.toContain(PHONE.slice(1));
    }),
    { numRuns: 60 },
  );
});

test('a terminal that takes nothing gets the lines later, the frames it missed never, and the end of the bar', () => {
  const { bar, screen, out } = barOn(120);
  bar.tell(EVENTS.plan);
  bar.tell(EVENTS.batch);
  bar.tell(EVENTS.tick);
  const before = out.writes.length;
  out.taking = false;
  bar.tell(EVENTS.failed);
  for (let i = 0; i < 50; i += 1) bar.tell(EVENTS.sent);
  bar.tell(EVENTS.summary);
  const missed = out.writes.slice(before).join('');
  expect(missed).toContain('phone:invalid');
  expect(missed.length).toBeLessThan(500);
  expect(screen()).toMatchObject({ cursorShown: true, wraps: true });
});
