import type { Attempted, Event } from '../../core/event.ts';
import type { Progress } from '../../core/progress.ts';
import { type EpochMs, toSeconds } from '../../core/units.ts';
import { iso } from './clock-time.ts';

/**
 * An event as the object that `--json` prints, `type` first, or null for what scripts do not need. Seconds with decimals, times in UTC,
 * numbers whole. Scripts rely on these fields: they are only ever added to. `now` is when it happened.
 */
export function jsonOf(event: Event, now: EpochMs): Record<string, unknown> | null {
  switch (event.type) {
    case 'plan':
      return {
        type: 'plan',
        campaign: event.campaign,
        name: event.name,
        total: event.progress.total,
        pending: event.progress.pending,
        duplicates: event.duplicates,
        delay_seconds: toSeconds(event.pace.delayMs),
        batch_size: event.pace.batchSize,
        batch_pause_seconds: toSeconds(event.pace.batchPauseMs),
        batches: event.batches,
        eta_seconds: toSeconds(event.etaMs),
        ends_at: iso(event.endsAt),
        sandbox: event.sandbox,
        ...(event.recent && { recent: event.recent.count, recent_left_out: event.recent.leftOut }),
      };
    case 'sent':
      return {
        type: 'sent',
        ...recipient(event),
        provider_id: event.providerId,
        attempt: event.attempt,
        latency_ms: Math.round(event.latencyMs),
      };
    case 'failed':
      return { type: 'failed', ...recipient(event), code: event.code, reason: event.reason, attempt: event.attempt };
    case 'in_doubt':
      return { type: 'in_doubt', ...recipient(event), reason: event.reason, attempt: event.attempt };
    case 'skipped':
      return { type: 'skipped', ...recipient(event), reason: event.reason };
    case 'assumed':
      return { type: 'assumed', ...recipient(event), as: event.as, reason: event.reason, attempt: event.attempt };
    case 'retry':
      return { type: 'retry', ...recipient(event), reason: event.reason, attempt: event.attempt, wait_seconds: toSeconds(event.waitMs) };
    case 'batch':
      return { type: 'batch', campaign: event.campaign, batch: event.batch, of: event.of };
    case 'delay':
      return {
        type: 'delay',
        campaign: event.campaign,
        from_seconds: toSeconds(event.fromMs),
        to_seconds: toSeconds(event.toMs),
        error_rate: Math.round(event.errorRate * 10_000) / 10_000,
        cause: event.cause,
      };
    case 'rest':
      return {
        type: 'rest',
        campaign: event.campaign,
        reason: event.reason,
        until: iso(event.until),
        seconds: toSeconds(Math.max(0, event.until - now)),
        detail: event.detail,
      };
    case 'notice':
      return { type: 'notice', level: event.level, text: event.text };
    case 'paused':
      return { type: 'paused', campaign: event.campaign, reason: event.reason, detail: event.detail };
    case 'summary':
      return {
        type: 'summary',
        campaign: event.campaign,
        ...countsJson(event.progress),
        duration_seconds: toSeconds(event.durationMs),
        failures: event.failures.map(({ code, reason, count }) => ({ code, reason, count })),
        latency: event.latency && { median_ms: event.latency.medianMs, p95_ms: event.latency.p95Ms },
        exit_code: event.exitCode,
        next: event.next,
      };
    case 'go_on':
    case 'tick':
      return null;
  }
}

/** An object of a rehearsal: it says so after its type and its campaign. */
export function inSandbox({ type, campaign, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return { type, ...(campaign === undefined ? {} : { campaign }), sandbox: true, ...rest };
}

/** The counts of a campaign under the names that `summary` and `status --json` share. Duplicates are among the failed, and named where there are any. */
export function countsJson({ total, sent, failed, pending, inDoubt, skipped, duplicates = 0 }: Progress): Record<string, number> {
  return { total, sent, failed, pending, in_doubt: inDoubt, skipped, ...(duplicates > 0 && { duplicates }) };
}

function recipient({ campaign, message, reference, phone }: Attempted): Record<string, unknown> {
  return { campaign, message, reference, phone };
}
