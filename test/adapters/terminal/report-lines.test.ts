import { expect, test } from 'vitest';
import { makeReport, type ReportOptions } from '../../../src/adapters/terminal/report-lines.ts';
import { EVENTS, fakeOutput, NOON, PHONE } from './support.ts';

function reportOn({ terminal = false, ...options }: Partial<ReportOptions> & { terminal?: boolean } = {}) {
  const [stdout, stderr] = [fakeOutput({ isTTY: terminal, width: 120 }), fakeOutput({ isTTY: terminal, width: 120 })];
  const report = makeReport({
    stdout,
    stderr,
    json: false,
    quiet: false,
    color: false,
    now: () => NOON,
    sandbox: false,
    provider: 'Wassenger',
    ...options,
  });
  const tellAll = () => {
    for (const event of Object.values(EVENTS)) report.tell(event);
    report.close();
  };
  return { stdout, stderr, report, tellAll };
}

test('without a terminal the plan and plain lines are on stderr, the summary alone on stdout', () => {
  const { stdout, stderr, tellAll } = reportOn();
  tellAll();
  expect(stderr.text()).toMatch(/^Campaign 42, Back to school\n {2}to send {2}1000 recipients\n/);
  expect(stderr.text()).toContain('\n12:04:31  batch 2 of 14: 132/1000 sent, 2 failed, 1 in doubt');
  expect(stdout.text()).toMatch(/^Campaign 42 is paused, too many failed: 11 of 50 failed/);
  expect(stderr.writes.join('') + stdout.writes.join('')).not.toContain('\x1b');
});

test('on a terminal there is a bar on stderr, and it is gone when the summary comes', () => {
  const { stdout, stderr, report, tellAll } = reportOn({ terminal: true });
  report.tell(EVENTS.plan);
  report.tell(EVENTS.batch);
  expect(stderr.text()).toContain('░░░');
  tellAll();
  expect(stderr.writes.join('').lastIndexOf('\x1b[?25h')).toBeGreaterThan(stderr.writes.join('').lastIndexOf('░'));
  expect(stdout.text()).toMatch(/^Campaign 42 is paused/);
});

test('a terminal that cannot move its cursor gets plain lines', () => {
  const { stderr, tellAll } = reportOn({ terminal: true, live: false });
  tellAll();
  expect(stderr.writes.join('')).not.toContain('\x1b');
});

test('--quiet leaves warnings, pauses and one line', () => {
  for (const terminal of [true, false]) {
    const { stdout, stderr, report, tellAll } = reportOn({ terminal, quiet: true });
    report.tell({ type: 'notice', level: 'info', text: 'by the way' });
    tellAll();
    expect(stderr.text()).toBe(
      '12:04:31  warning: B is outside 25–100\n12:04:31  stopping: too many failed (11 of 50 failed = 22 %: 11 × phone:invalid)\n',
    );
    expect(stdout.text()).toBe('Campaign 42: 960 of 1000 sent, 28 failed, 1 in doubt, 10 pending, 1 skipped. Next: wsend resume 42\n');
  }
});

test('in the sandbox the plan, every line and the summary say so, in whatever way they are shown', () => {
  for (const options of [{}, { terminal: true }, { quiet: true }, { terminal: true, live: false }]) {
    const { stdout, stderr, report } = reportOn({ ...options, sandbox: true });
    for (const event of Object.values(EVENTS)) report.tell(event.type === 'plan' ? { ...event, sandbox: true } : event);
    report.close();
    const lines = stderr.text().split(/[\r\n]+/);
    const heads = lines.filter((line) => /^(Campaign|sandbox|\d\d:|[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏])/.test(line));
    expect(heads.length).toBeGreaterThan(1);
    for (const line of heads) expect(line).toMatch(/^(\d\d:\d\d:\d\d {2}|. )?sandbox/);
    expect(stdout.text()).toMatch(/^sandbox · Campaign 42/);
  }
});

test('--json puts everything on stdout, a line per write, and only notices on stderr, even on a terminal', () => {
  const { stdout, stderr, tellAll } = reportOn({ terminal: true, json: true, color: true });
  tellAll();
  const types = stdout.writes.map((line) => JSON.parse(line).type);
  expect(types).toEqual([
    'plan',
    'sent',
    'failed',
    'in_doubt',
    'retry',
    'batch',
    'delay',
    'rest',
    'notice',
    'assumed',
    'skipped',
    'paused',
    'summary',
  ]);
  expect(stderr.writes).toEqual(['warning: B is outside 25–100\n']);
});

test('colour goes to terminals only, so a file that keeps the summary stays plain', () => {
  const stdout = fakeOutput();
  const { stderr, tellAll } = reportOn({ terminal: true, color: true, stdout });
  tellAll();
  expect(stdout.writes.join('')).not.toContain('\x1b');
  expect(stderr.writes.join('')).toContain('\x1b[31mfailed\x1b[39m');
});

test.each([{}, { terminal: true }, { quiet: true }, { json: true }])('after close nothing is written any more: %j', (options) => {
  const { stdout, stderr, report, tellAll } = reportOn(options);
  report.tell(EVENTS.plan);
  report.tell(EVENTS.batch);
  report.close();
  const before = stdout.writes.length + stderr.writes.length;
  tellAll();
  expect(stdout.writes.length + stderr.writes.length).toBe(before);
});

test('an event that cannot be shown stops nothing', () => {
  const { stderr, report } = reportOn();
  expect(() => report.tell({ ...EVENTS.sent, progress: undefined as never })).not.toThrow();
  expect(() => report.tell({ ...EVENTS.plan, name: undefined as never })).not.toThrow();
  expect(stderr.text()).toContain('wsend: could not show "plan"');
});

test('no form but --json shows a whole number while it runs', () => {
  for (const options of [{}, { terminal: true }, { quiet: true }]) {
    const { stderr, tellAll } = reportOn(options);
    tellAll();
    expect(stderr.text()).not.toContain(PHONE.slice(1));
  }
});
