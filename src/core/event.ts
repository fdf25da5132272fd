import type { Pace } from './pacing.ts';
import type { Progress } from './progress.ts';
import type { EpochMs, Milliseconds } from './units.ts';

/** Why a run stopped before its end. */
export type PauseReason = 'circuit_breaker' | 'pause' | 'limit' | 'barred' | 'waiting' | 'signal';

/** Why a line rests for a while inside a run. */
export type RestReason =
  | 'batch_pause'
  | 'throttled'
  | 'offline'
  | 'queue_paused'
  | 'queue_full'
  | 'unreachable'
  | 'checkpoint'
  | 'database'
  | 'message_2';

/** One recipient of one attempt, as every event about it names it. `phone` is whole: reports show it, logs mask it. */
export interface Attempted {
  campaign: number;
  message: number;
  reference: string;
  phone: string;
  /** From 1. */
  attempt: number;
}

/** Failures of one code, as the summary groups them. `reason` is the last one seen. */
export interface FailureGroup {
  code: string;
  reason: string;
  count: number;
}

/** The middle and the slow end of the answer times of a run; null when nothing was sent. */
export interface Latency {
  medianMs: Milliseconds;
  p95Ms: Milliseconds;
}

/** How many messages a run called the provider for, and the time from the start of the first call to that of the last. */
export interface Calls {
  count: number;
  spanMs: Milliseconds;
}

/**
 * What happened, in order. A run is one stream of these facts; the bar, the plain lines and `--json` are three ways to show it.
 * `progress` on an event is the state after it.
 */
export type Event =
  | {
      type: 'plan';
      campaign: number;
      name: string;
      progress: Progress;
      /** Of those pending, how many this run is to send to. */
      count: number;
      /** Rows and contacts that are left out because their person gets another message of the campaign. */
      duplicates: number;
      pace: Pace;
      etaMs: Milliseconds;
      endsAt: EpochMs;
      batches: number;
      sandbox: boolean;
      /** How many had the very text lately, and whether they are left out; not in a rehearsal. */
      recent?: { count: number; leftOut: boolean; days: number } | undefined;
    }
  | ({ type: 'sent'; providerId: string | null; latencyMs: Milliseconds; progress: Progress } & Attempted)
  | ({ type: 'failed'; code: string; reason: string; progress: Progress } & Attempted)
  | ({ type: 'in_doubt'; reason: string; progress: Progress } & Attempted)
  | ({ type: 'skipped'; reason: string; progress: Progress } & Attempted)
  /** In doubt until now; recorded as sent, or as not sent and so pending again, on the operator's word. */
  | ({ type: 'assumed'; as: 'sent' | 'absent'; reason: string; progress: Progress } & Attempted)
  | ({ type: 'retry'; reason: string; waitMs: Milliseconds } & Attempted)
  | { type: 'batch'; campaign: number; batch: number; of: number }
  | {
      type: 'delay';
      campaign: number;
      fromMs: Milliseconds;
      toMs: Milliseconds;
      errorRate: number;
      cause: 'error_rate' | 'throttled' | 'recovered' | 'configuration';
    }
  /** The line rests until `until`; shown as a countdown. */
  | { type: 'rest'; campaign: number; reason: RestReason; until: EpochMs; detail: string }
  /** The rest is over, before or at its time. */
  | { type: 'go_on'; campaign: number }
  /** What the live bar needs between other events; never in `--json`. */
  | { type: 'tick'; campaign: number; progress: Progress; delayMs: Milliseconds; timeLeftMs: Milliseconds }
  /** Something a person should know that stops nothing. */
  | { type: 'notice'; level: 'info' | 'warning'; text: string }
  | { type: 'paused'; campaign: number; reason: PauseReason; detail: string }
  | {
      type: 'summary';
      campaign: number;
      progress: Progress;
      /** From the moment the run took the campaign up, its first look-ups included. */
      durationMs: Milliseconds;
      failures: FailureGroup[];
      latency: Latency | null;
      /** The calls of this run; null when it made none. */
      calls: Calls | null;
      /** Exit code of the run. */
      exitCode: number;
      /** The command to type next, or null when there is nothing left to do. */
      next: string | null;
    };
