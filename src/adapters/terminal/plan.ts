import type { Event } from '../../core/event.ts';
import type { Progress } from '../../core/progress.ts';
import { type EpochMs, formatDuration } from '../../core/units.ts';
import { clockTime } from './clock-time.ts';
import { count, counted, oneLine, pad, seconds } from './terminal-text.ts';
import { sandboxMark } from './words.ts';

/** What is about to happen, for a person to read before it does. Ends with a line end. */
export function planText(plan: Extract<Event, { type: 'plan' }>, now: EpochMs): string {
  const { campaign, name, progress, count: toSend, pace, etaMs, endsAt, batches, sandbox, recent } = plan;
  const pacing: [string, string][] = [
    ['pace', paceText(pace)],
    ['batches', count(batches)],
    ['takes', `about ${formatDuration(etaMs)}, until ${clockTime(endsAt, now)}`],
  ];
  const rows: [string, string][] = [
    ['to send', recipients(progress, toSend)],
    ...(recent === undefined || recent.count === 0 ? [] : [['again', recentText(recent)] as [string, string]]),
    ...(toSend === 0 ? [] : pacing),
  ];
  const heading = `${sandboxMark(sandbox)}Campaign ${campaign}${name.trim() === '' ? '' : `, ${oneLine(name)}`}${sandbox ? ' (nobody gets anything)' : ''}`;
  return `${heading}\n${rows.map(([label, text]) => `  ${pad(label, 9)}${text}\n`).join('')}`;
}

/** D, B and P in words: `one message every 3 s, 30 s pause after each 75`. */
export function paceText({ delayMs, batchSize, batchPauseMs }: { delayMs: number; batchSize: number; batchPauseMs: number }): string {
  const pause = batchPauseMs > 0 ? `, ${seconds(batchPauseMs)} pause after each ${count(batchSize)}` : '';
  return `one message every ${seconds(delayMs)}${pause}`;
}

function recentText({ count: had, leftOut, days }: { count: number; leftOut: boolean; days: number }): string {
  const when = `had this very text in the last ${days === 1 ? 'day' : `${days} days`}`;
  const people = `${count(had)} ${had === 1 ? 'person' : 'people'}`;
  return `${people} ${when}${leftOut ? ', and left out' : had === 1 ? ', and gets it again' : ', and get it again'}`;
}

function recipients({ total, pending, sent, failed, inDoubt, skipped, duplicates = 0 }: Progress, toSend: number): string {
  const left = pending - toSend;
  const before = [
    sent > 0 && `${count(sent)} sent`,
    failed > duplicates && `${count(failed - duplicates)} failed`,
    inDoubt > 0 && `${count(inDoubt)} in doubt`,
    skipped > 0 && `${count(skipped)} skipped`,
  ].filter(Boolean);
  const rest = [
    duplicates > 0 && `${counted(duplicates, 'duplicate')}: the same person again`,
    before.length > 0 && `${before.join(', ')} before`,
    left > 0 && `${count(left)} pending and left alone`,
  ].filter(Boolean);
  if (toSend === 0) return `nobody is left to send to${rest.length === 0 ? '' : ` (${rest.join('; ')})`}`;
  return rest.length === 0 ? counted(total, 'recipient') : `${count(toSend)} of ${counted(total, 'recipient')} (${rest.join('; ')})`;
}
