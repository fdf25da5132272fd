import type { Calls, Event, FailureGroup } from '../../core/event.ts';
import type { Progress } from '../../core/progress.ts';
import { formatDuration, type Milliseconds, SECOND } from '../../core/units.ts';
import { EXIT } from '../../errors.ts';
import type { Paint } from './paint.ts';
import { cells, count, counted, oneLine, pad } from './terminal-text.ts';
import { pausedWords, sandboxMark } from './words.ts';

type Summary = Extract<Event, { type: 'summary' }>;
type Paused = Extract<Event, { type: 'paused' }>;

/** What the summary needs besides its event: why the run stopped early, where it ran. */
export interface RunStory {
  /** Its name. */
  provider: string;
  sandbox: boolean;
  paused: Paused | null;
}

/** How a run ended, for a person. Ends with a line end. */
export function summaryText(summary: Summary, { provider, sandbox, paused }: RunStory, paint: Paint): string {
  const { progress, durationMs, failures, latency, calls, next } = summary;
  const speed = progress.sent > 0 ? average(calls) : null;
  const took = `${formatDuration(durationMs)}${speed === null ? '' : `, ${speed}`}`;
  const times = latency && `median ${answer(latency.medianMs)}, 95 % within ${answer(latency.p95Ms)}`;
  return [
    sandboxMark(sandbox) + verdict(summary, { paused, provider }, paint),
    ...countRows(progress),
    row('took', took),
    ...(times === null ? [] : [row('answers', times)]),
    ...failureRows(failures),
    ...(next === null ? [] : [`Next: ${next}`]),
    '',
  ].join('\n');
}

/** The same in one line, for `--quiet`. Ends with a line end. */
export function essentialLine({ campaign, progress, next }: Summary, sandbox: boolean): string {
  const { sent, total, failed, inDoubt, pending, skipped } = progress;
  const parts = [
    `${count(sent)} of ${count(total)} sent`,
    failed > 0 && `${count(failed)} failed`,
    inDoubt > 0 && `${count(inDoubt)} in doubt`,
    pending > 0 && `${count(pending)} pending`,
    skipped > 0 && `${count(skipped)} skipped`,
  ];
  return `${sandboxMark(sandbox)}Campaign ${campaign}: ${parts.filter(Boolean).join(', ')}${next === null ? '' : `. Next: ${next}`}\n`;
}

/** One row per standing, which add up to the total in the last. */
export function countRows({ total, sent, failed, inDoubt, pending, skipped }: Progress): string[] {
  const width = count(total).length;
  const counts: [string, number][] = [
    ['sent', sent],
    ['failed', failed],
    ['in doubt', inDoubt],
    ['pending', pending],
    ...(skipped > 0 ? ([['skipped', skipped]] as [string, number][]) : []),
    ['total', total],
  ];
  return counts.map(([label, n]) => row(label, pad(count(n), width, 'left')));
}

/** Failures by code, most frequent first, each with one reason that was given. */
export function failureRows(failures: FailureGroup[]): string[] {
  if (failures.length === 0) return [];
  const groups = failures.map((group) => ({
    often: count(group.count),
    code: oneLine(group.code),
    reason: oneLine(group.reason),
    n: group.count,
  }));
  groups.sort((a, b) => b.n - a.n);
  const width = Math.max(...groups.map(({ often }) => often.length));
  const code = Math.max(...groups.map((group) => cells(group.code)));
  return [
    'Failed:',
    ...groups.map((group) => `  ${pad(group.often, width, 'left')} × ${pad(group.code, code)}  ${group.reason}`.trimEnd()),
  ];
}

/** A label and its text, indented under a heading. */
export function row(label: string, text: string): string {
  return `  ${pad(label, 11)}${text}`;
}

function verdict(
  { campaign, progress, exitCode }: Summary,
  { paused, provider }: Pick<RunStory, 'paused' | 'provider'>,
  paint: Paint,
): string {
  const detail = paused !== null && paused.detail.trim() !== '' ? `: ${oneLine(paused.detail)}` : '';
  const name = `Campaign ${campaign}`;
  switch (exitCode) {
    case EXIT.done:
      return progress.pending === 0 ? paint.good(`${name} is finished`) : paint.good(`${name}: nobody is in doubt, ${pendingOf(progress)}`);
    case EXIT.someFailed:
      return progress.pending === 0
        ? paint.warn(`${name} is finished, but ${shortfall(progress)}`)
        : paint.warn(`${name}: ${shortfall(progress)}, ${pendingOf(progress)}`);
    case EXIT.barred:
      return paint.bad(`${name} is stopped, ${pausedWords('barred', provider)}${detail}`);
    case EXIT.circuitBreaker:
      return paint.bad(`${name} is paused, too many failed${detail}`);
    case EXIT.paused:
      return paint.warn(`${name} is paused${paused === null ? '' : `, ${pausedWords(paused.reason, provider)}`}${detail}`);
    case EXIT.hangup:
    case EXIT.interrupted:
    case EXIT.terminated:
      return paint.warn(`${name} is interrupted; nothing is lost`);
    case EXIT.held:
      return paint.bad(`${name} is stopped, another run holds it${detail}`);
    default:
      return paint.bad(`${name} is stopped by an error${detail}`);
  }
}

function shortfall({ failed, inDoubt }: Progress): string {
  const parts = [failed > 0 && `${count(failed)} failed`, inDoubt > 0 && `${count(inDoubt)} ${inDoubt === 1 ? 'is' : 'are'} in doubt`];
  return parts.filter(Boolean).join(' and ') || 'not everyone was reached';
}

function pendingOf({ pending }: Progress): string {
  return `${count(pending)} ${pending === 1 ? 'is' : 'are'} still pending`;
}

function answer(ms: Milliseconds): string {
  return ms < SECOND ? `${ms} ms` : formatDuration(ms);
}

/** How far apart the messages were: between n of them there are n - 1 gaps. Null where there is no gap. */
function average(calls: Calls | null): string | null {
  if (calls === null || calls.count < 2 || calls.spanMs === 0) return null;
  const each = calls.spanMs / (calls.count - 1);
  if (each >= SECOND / 10) return `one message every ${formatDuration(each)} on average`;
  return `${counted(Math.round(SECOND / each), 'message')} a second on average`;
}
