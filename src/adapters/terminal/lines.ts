import type { Event } from '../../core/event.ts';
import { type EpochMs, type Milliseconds, SECOND } from '../../core/units.ts';
import type { Report } from '../../ports/event-sink.ts';
import type { Output } from '../../ports/output.ts';
import { clockTime, roughly, stamp } from './clock-time.ts';
import { PLAIN } from './paint.ts';
import { isNews, type RunView, seen, timeLeftOf, UNSEEN } from './run-view.ts';
import { count } from './terminal-text.ts';
import { sandboxMark, sentence } from './words.ts';

/** How often a log says how far the run is when nothing else happens. */
const PROGRESS_EVERY: Milliseconds = 30 * SECOND;
/** Batches that begin faster than this are not told one by one, nor are pauses shorter than it. */
const BATCH_AT_MOST_EVERY: Milliseconds = 5 * SECOND;

/** Plain lines for a log or a pipe, each with its clock time: what happened, and now and then how far it is. */
export function makeLines(
  out: Output,
  { now, sandbox, provider }: { now: () => EpochMs; sandbox: boolean; provider: string },
): Report & { close(): void } {
  const mark = sandboxMark(sandbox);
  let view: RunView = UNSEEN;
  let toldAt = Number.NEGATIVE_INFINITY;
  let closed = false;
  return {
    tell(event) {
      if (closed) return;
      const at = now();
      const line = isShown(event, view, at) ? sentence(event, { now: at, paint: PLAIN, provider }) : null;
      view = seen(view, event, at);
      if (line !== null) out.write(`${stamp(at)}  ${mark}${line}\n`);
      if (event.type === 'plan') toldAt = at - BATCH_AT_MOST_EVERY;
      if (at < toldAt) toldAt = at;
      if (!isDue(event, view, at - toldAt)) return;
      toldAt = at;
      const batch = event.type === 'batch' ? `batch ${count(event.batch)} of ${count(event.of)}: ` : '';
      out.write(`${stamp(at)}  ${mark}${batch}${progressLine(view, at)}\n`);
    },
    close() {
      closed = true;
    },
  };
}

/** How far the run is: `132/1000 sent, 1 failed, 43 min left (ends 12:48)`. */
export function progressLine(view: RunView, now: EpochMs): string {
  const { total, sent, failed, inDoubt, pending } = view.progress;
  const left = timeLeftOf(view, now);
  const parts = [
    `${count(sent)}/${count(total)} sent`,
    failed > 0 && `${count(failed)} failed`,
    inDoubt > 0 && `${count(inDoubt)} in doubt`,
    pending > 0 && `${roughly(left)} left (ends ${clockTime(now + left, now)})`,
  ];
  return parts.filter(Boolean).join(', ');
}

function isShown(event: Event, view: RunView, now: EpochMs): boolean {
  if (event.type !== 'rest') return true;
  return event.reason === 'batch_pause' ? event.until - now >= BATCH_AT_MOST_EVERY : isNews(view, event, now);
}

function isDue(event: Event, view: RunView, sinceTold: Milliseconds): boolean {
  if (event.type === 'batch') return sinceTold >= BATCH_AT_MOST_EVERY;
  if (event.type !== 'sent' && event.type !== 'tick') return false;
  return view.batches > 0 && view.rest === null && sinceTold >= PROGRESS_EVERY;
}
