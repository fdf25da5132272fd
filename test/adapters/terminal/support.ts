import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import type { Calls, Event, Latency } from '../../../src/core/event.ts';
import type { Progress } from '../../../src/core/progress.ts';
import type { Output } from '../../../src/ports/output.ts';

/** 10 March 2026, 12:04:31 on the clock of whoever runs the tests. */
export const NOON = new Date(2026, 2, 10, 12, 4, 31).getTime();

export const PHONE = '+22990123456';

export interface FakeOutput extends Output {
  writes: string[];
  text(): string;
  width: number;
  /** False: a terminal that takes no output now. */
  taking: boolean;
}

export function fakeOutput({ isTTY = false, width = 80 } = {}): FakeOutput {
  const writes: string[] = [];
  return {
    writes,
    width,
    isTTY,
    write: (text) => void writes.push(text),
    text: () => stripVTControlCharacters(writes.join('')),
    columns() {
      return this.width;
    },
    taking: true,
    idle() {
      return this.taking;
    },
    settled: async () => true,
  };
}

export const progress = (parts: Partial<Omit<Progress, 'total'>> = {}): Progress => {
  const whole = { pending: 0, sent: 0, failed: 0, inDoubt: 0, skipped: 0, ...parts };
  return { ...whole, total: whole.pending + whole.sent + whole.failed + whole.inDoubt + whole.skipped };
};

export const attempted = { campaign: 42, message: 17, reference: 'wsend-42-17-k3v9x0qd', phone: PHONE, attempt: 1 };

/** One event of every type, with made-up but plausible values. */
export const EVENTS = {
  plan: {
    type: 'plan',
    duplicates: 0,
    campaign: 42,
    name: 'Back to school',
    progress: progress({ pending: 1000 }),
    pace: { delayMs: 3_000, batchSize: 75, batchPauseMs: 30_000 },
    count: 1_000,
    etaMs: 3_400_000,
    endsAt: NOON + 3_400_000,
    batches: 14,
    sandbox: false,
  },
  sent: { type: 'sent', ...attempted, providerId: 'abc', latencyMs: 212.4, progress: progress({ pending: 867, sent: 132, failed: 1 }) },
  failed: {
    type: 'failed',
    ...attempted,
    attempt: 2,
    code: 'phone:invalid',
    reason: `The number ${PHONE} is\nnot on WhatsApp`,
    progress: progress({ pending: 866, sent: 132, failed: 2 }),
  },
  in_doubt: {
    type: 'in_doubt',
    ...attempted,
    reason: 'no answer within 30 s',
    progress: progress({ pending: 865, sent: 132, failed: 2, inDoubt: 1 }),
  },
  retry: { type: 'retry', ...attempted, reason: 'connection reset', waitMs: 60_000 },
  batch: { type: 'batch', campaign: 42, batch: 2, of: 14 },
  delay: { type: 'delay', campaign: 42, fromMs: 3_000, toMs: 4_500, errorRate: 0.0612345, cause: 'error_rate' },
  rest: { type: 'rest', campaign: 42, reason: 'offline', until: NOON + 20_000, detail: 'no network' },
  go_on: { type: 'go_on', campaign: 42 },
  tick: {
    type: 'tick',
    campaign: 42,
    progress: progress({ pending: 865, sent: 132, failed: 2, inDoubt: 1 }),
    delayMs: 3_000,
    timeLeftMs: 2_600_000,
  },
  notice: { type: 'notice', level: 'warning', text: 'B is outside 25–100' },
  assumed: {
    type: 'assumed',
    ...attempted,
    as: 'absent',
    reason: 'no answer within 30 s',
    progress: progress({ pending: 866, sent: 132, failed: 2 }),
  },
  skipped: {
    type: 'skipped',
    ...attempted,
    reason: 'opted_out',
    progress: progress({ pending: 864, sent: 132, failed: 2, inDoubt: 1, skipped: 1 }),
  },
  paused: { type: 'paused', campaign: 42, reason: 'circuit_breaker', detail: '11 of 50 failed = 22 %: 11 × phone:invalid' },
  summary: {
    type: 'summary',
    campaign: 42,
    progress: progress({ pending: 10, sent: 960, failed: 28, inDoubt: 1, skipped: 1 }),
    durationMs: 671_234,
    calls: { count: 989, spanMs: 671_000 },
    failures: [
      { code: 'error:500', reason: 'Internal error', count: 3 },
      { code: 'phone:invalid', reason: 'The number is not on WhatsApp', count: 25 },
    ],
    latency: { medianMs: 212, p95Ms: 1_480 },
    exitCode: 5,
    next: 'wsend resume 42',
  },
} as const satisfies { [T in Event['type']]: Extract<Event, { type: T }> };

const small = fc.integer({ min: 0, max: 1_000_000 });
const counts = fc.record({ pending: small, sent: small, failed: small, inDoubt: small, skipped: small });
export const anyProgress: fc.Arbitrary<Progress> = counts.map(progress);

/** Text as a hostile provider may send it: line ends, escape sequences, wide and combining characters, the recipient's number. */
export const anyText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    `not ${PHONE}!`,
    PHONE.slice(1),
    '\x1b[2J\x1b[31mred',
    'a\r\nb\n\n',
    '学校へようこそ',
    '👩‍👩‍👧 ok',
    '\u202egnirts',
    '\x1b]0;title\x07',
  ),
);

const duration = fc.integer({ min: 0, max: 40 * 86_400_000 });
const rate = fc.double({ min: 0, max: 1, noNaN: true });
const recipient = {
  campaign: fc.nat(),
  message: fc.nat(),
  reference: fc.constant('wsend-42-17-k3v9x0qd'),
  phone: fc.constant(PHONE),
  attempt: fc.integer({ min: 1, max: 9 }),
};
const moment = duration.map((ms) => NOON + ms);
const type = <T extends string>(name: T) => fc.constant(name);

/** Any event of a run but the last. */
export const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ type: type('sent'), ...recipient, providerId: fc.option(anyText), latencyMs: duration, progress: anyProgress }),
  fc.record({ type: type('failed'), ...recipient, code: anyText, reason: anyText, progress: anyProgress }),
  fc.record({ type: type('in_doubt'), ...recipient, reason: anyText, progress: anyProgress }),
  fc.record({ type: type('retry'), ...recipient, reason: anyText, waitMs: duration }),
  fc.record({
    type: type('batch'),
    campaign: fc.nat(),
    batch: fc.integer({ min: 1, max: 40_000 }),
    of: fc.integer({ min: 1, max: 40_000 }),
  }),
  fc.record({
    type: type('delay'),
    campaign: fc.nat(),
    fromMs: duration,
    toMs: duration,
    errorRate: rate,
    cause: fc.constantFrom('error_rate', 'throttled', 'recovered', 'configuration'),
  }),
  fc.record({
    type: type('rest'),
    campaign: fc.nat(),
    reason: fc.constantFrom('batch_pause', 'throttled', 'offline', 'unreachable', 'checkpoint', 'database'),
    until: moment,
    detail: anyText,
  }),
  fc.record({ type: type('go_on'), campaign: fc.nat() }),
  fc.record({ type: type('tick'), campaign: fc.nat(), progress: anyProgress, delayMs: duration, timeLeftMs: duration }),
  fc.record({ type: type('notice'), level: fc.constantFrom('info', 'warning'), text: anyText }),
  fc.record({
    type: type('paused'),
    campaign: fc.nat(),
    reason: fc.constantFrom('circuit_breaker', 'pause', 'limit', 'barred', 'waiting', 'signal'),
    detail: anyText,
  }),
);

const anyPlan: fc.Arbitrary<Event> = fc.record({
  type: type('plan'),
  campaign: fc.nat(),
  name: anyText,
  progress: anyProgress,
  count: fc.nat(),
  duplicates: fc.nat(),
  pace: fc.record({ delayMs: duration, batchSize: fc.integer({ min: 1, max: 1_000 }), batchPauseMs: duration }),
  etaMs: duration,
  endsAt: moment,
  batches: fc.nat(40_000),
  sandbox: fc.boolean(),
});

const anySummary: fc.Arbitrary<Event> = fc.record({
  type: type('summary'),
  campaign: fc.nat(),
  progress: anyProgress,
  durationMs: duration,
  calls: fc.option<Calls>(fc.record({ count: fc.nat(), spanMs: fc.nat() })),
  failures: fc.array(fc.record({ code: anyText, reason: anyText, count: fc.nat() }), { maxLength: 4 }),
  latency: fc.option<Latency>(fc.record({ medianMs: duration, p95Ms: duration })),
  exitCode: fc.constantFrom(0, 1, 3, 4, 5, 6, 7, 129, 130, 143),
  next: fc.option<string>(fc.constant('wsend resume 42')),
});

/** The events of a whole run: a plan, anything, a summary. */
export const anyRun: fc.Arbitrary<Event[]> = fc
  .tuple(anyPlan, fc.array(anyEvent, { maxLength: 40 }), anySummary)
  .map(([plan, events, summary]) => [plan, ...events, summary]);

/** What a terminal of this width shows after these writes. Enough of a VT100 for what the bar uses; anything else throws. */
export function terminalAfter(writes: string[], width: number): { rows: string[]; cursorShown: boolean; wraps: boolean; row: number } {
  const rows: string[] = [''];
  let [row, column, cursorShown, wraps] = [0, 0, true, true];
  for (const [token] of writes.join('').matchAll(TOKENS)) {
    if (token === '\r') column = 0;
    else if (token === '\n') {
      row += 1;
      column = 0;
      rows[row] ??= '';
    } else if (token === '\x1b[J') {
      rows.length = row + 1;
      rows[row] = (rows[row] ?? '').slice(0, column);
    } else if (token === '\x1b[?25h' || token === '\x1b[?25l') cursorShown = token.endsWith('h');
    else if (token === '\x1b[?7h' || token === '\x1b[?7l') wraps = token.endsWith('h');
    else if (token.startsWith('\x1b[') && token.endsWith('m')) continue;
    else if (/\p{Cc}/u.test(token)) throw new Error(`the terminal got ${JSON.stringify(token)}`);
    else {
      if (column >= width) {
        if (!wraps) throw new Error('the bar was clipped');
        row += 1;
        column = 0;
        rows[row] ??= '';
      }
      const line = (rows[row] ?? '').padEnd(column);
      rows[row] = line.slice(0, column) + token + line.slice(column + token.length);
      column += token.length;
    }
  }
  return { rows, cursorShown, wraps, row };
}

/** An escape sequence, or one character. */
const TOKENS = new RegExp(`${'\x1b'}\\[[0-9;?]*[a-zA-Z]|.`, 'gsu');
