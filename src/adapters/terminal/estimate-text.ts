import { eta, OLDER_PACE } from '../../core/eta.ts';
import type { Pace } from '../../core/pacing.ts';
import { type EpochMs, formatDuration, formatPercent, type Milliseconds, toSeconds } from '../../core/units.ts';
import { clockTime, iso } from './clock-time.ts';
import { paceText } from './plan.ts';
import { count, counted, seconds } from './terminal-text.ts';

/** How long `count` sends take at a pace. */
export interface Estimate {
  count: number;
  /** How many are left out because they are there twice; left out where no people are named. */
  duplicates?: number;
  pace: Pace;
  etaMs: Milliseconds;
  /** When they would be done if begun now. */
  endsAt: EpochMs;
}

/** `wsend estimate` for a person, compared with a cautious pace (5 s, 50, 60 s). Ends with a line end. */
export function estimateText({ count: sends, duplicates = 0, pace, etaMs, endsAt }: Estimate, now: EpochMs): string {
  const left = duplicates > 0 ? [`  ${counted(duplicates, 'duplicate')} left out: the same person again`] : [];
  if (sends === 0) return ['Nobody is left to send to.', ...left, ''].join('\n');
  const batches = Math.ceil(sends / pace.batchSize);
  return [
    `${counted(sends, 'recipient')}: ${formatDuration(etaMs)}, until ${clockTime(endsAt, now)} if begun now`,
    `  ${paceText(pace)} (${count(batches)} ${batches === 1 ? 'batch' : 'batches'})`,
    ...left,
    `  ${comparison(etaMs, eta(sends, OLDER_PACE))}`,
    '',
  ].join('\n');
}

/** `wsend estimate --json`: one object. */
export function estimateJson({ count: sends, duplicates, pace, etaMs, endsAt }: Estimate): Record<string, unknown> {
  return {
    type: 'estimate',
    count: sends,
    ...(duplicates !== undefined && { duplicates }),
    delay_seconds: toSeconds(pace.delayMs),
    batch_size: pace.batchSize,
    batch_pause_seconds: toSeconds(pace.batchPauseMs),
    eta_seconds: toSeconds(etaMs),
    ends_at: iso(endsAt),
  };
}

function comparison(etaMs: Milliseconds, olderMs: Milliseconds): string {
  const { delayMs, batchSize, batchPauseMs } = OLDER_PACE;
  const older = `${seconds(delayMs)} delay, batches of ${batchSize}, ${seconds(batchPauseMs)} pause`;
  const apart = Math.abs(olderMs - etaMs);
  if (apart === 0) return `as long as with ${older}`;
  const share = formatPercent(apart / olderMs);
  return `compared with ${older}: ${formatDuration(olderMs)}, ${formatDuration(apart)} ${etaMs < olderMs ? 'saved' : 'more'} (${share})`;
}
