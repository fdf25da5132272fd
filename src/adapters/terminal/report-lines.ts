import type { Event } from '../../core/event.ts';
import type { EpochMs } from '../../core/units.ts';
import type { Report } from '../../ports/event-sink.ts';
import type { Output } from '../../ports/output.ts';
import { makeBar } from './bar.ts';
import { stamp } from './clock-time.ts';
import { makeLines } from './lines.ts';
import { inSandbox, jsonOf } from './ndjson.ts';
import { makePaint, PLAIN } from './paint.ts';
import { planText } from './plan.ts';
import { essentialLine, type RunStory, summaryText } from './summary.ts';
import { jsonLine, oneLine } from './terminal-text.ts';
import { sandboxMark, sentence } from './words.ts';

/** How a run is shown, and where. */
export interface ReportOptions {
  stdout: Output;
  stderr: Output;
  /** One JSON object per line on stdout; stderr has notices only. */
  json: boolean;
  /** Only warnings, pauses, and one line at the end. */
  quiet: boolean;
  /** False gives no colour at all; true colours what is a terminal. */
  color: boolean;
  /** False gives plain lines even on a terminal (one that is dumb). Default true. */
  live?: boolean;
  now: () => EpochMs;
  /** A rehearsal: every object and every line says so. */
  sandbox: boolean;
  /** The provider's name. */
  provider: string;
}

/**
 * A run shown in one of three ways: `--json`, a live bar where stderr is a terminal, or plain lines; the last two with a summary on
 * stdout. Call `close` on every way out: it takes the bar away and gives the cursor back. Told anything afterwards, it is silent.
 */
export function makeReport(options: ReportOptions): Report & { close(): void } {
  const report = options.json ? jsonReport(options) : humanReport(options);
  let closed = false;
  return {
    tell(event) {
      if (closed) return;
      try {
        report.tell(event);
      } catch (bug) {
        options.stderr.write(`wsend: could not show "${event.type}": ${oneLine(String(bug))}\n`);
      }
    },
    close() {
      if (closed) return;
      closed = true;
      report.close();
    },
  };
}

function jsonReport({ stdout, stderr, quiet, now, sandbox, provider }: ReportOptions): Report & { close(): void } {
  return {
    tell(event) {
      const line = jsonOf(event, now());
      if (line !== null) stdout.write(jsonLine(sandbox ? inSandbox(line) : line, stdout.isTTY));
      if (event.type === 'notice' && (!quiet || event.level === 'warning'))
        stderr.write(`${sandboxMark(sandbox)}${sentence(event, { now: now(), paint: PLAIN, provider })}\n`);
    },
    close: () => {},
  };
}

function humanReport({ stdout, stderr, quiet, color, live = true, now, sandbox, provider }: ReportOptions): Report & { close(): void } {
  const [outPaint, errPaint] = [makePaint(color && stdout.isTTY), makePaint(color && stderr.isTTY)];
  const options = { now, sandbox, provider, paint: errPaint };
  const running = quiet ? quietly(stderr, options) : stderr.isTTY && live ? makeBar(stderr, options) : makeLines(stderr, options);
  let story: RunStory = { provider, sandbox, paused: null };
  return {
    tell(event) {
      if (event.type === 'plan') {
        story = { provider, sandbox, paused: null };
        if (!quiet) stderr.write(`${planText(event, now())}\n`);
      }
      if (event.type === 'paused') story = { ...story, paused: event };
      running.tell(event);
      if (event.type !== 'summary') return;
      if (!quiet && stdout.isTTY && stderr.isTTY) stderr.write('\n');
      stdout.write(quiet ? essentialLine(event, sandbox) : summaryText(event, story, outPaint));
    },
    close: running.close,
  };
}

/** Only what needs a person: warnings and pauses. */
function quietly(
  stderr: Output,
  { now, sandbox, provider }: { now: () => EpochMs; sandbox: boolean; provider: string },
): Report & { close(): void } {
  const matters = (event: Event) => event.type === 'paused' || (event.type === 'notice' && event.level === 'warning');
  return {
    tell(event) {
      if (matters(event))
        stderr.write(`${stamp(now())}  ${sandboxMark(sandbox)}${sentence(event, { now: now(), paint: PLAIN, provider })}\n`);
    },
    close: () => {},
  };
}
