import type { Event, PauseReason, RestReason } from '../../core/event.ts';
import { maskPhone } from '../../core/phone.ts';
import { type EpochMs, formatDuration, formatPercent, type Milliseconds } from '../../core/units.ts';
import type { Paint } from './paint.ts';
import { oneLine, redact, seconds } from './terminal-text.ts';

/** What a person should read when it happens, as one line without its time; null for what only the bar or the summary shows. */
export function sentence(event: Event, { now, paint, provider }: { now: EpochMs; paint: Paint; provider: string }): string | null {
  switch (event.type) {
    case 'failed':
      return `${paint.bad('failed')}  ${maskPhone(event.phone)}  ${said(event, `${event.code}: ${event.reason}`)}${tries(event.attempt)}`;
    case 'in_doubt':
      return `${paint.warn('in doubt')}  ${maskPhone(event.phone)}  ${said(event, event.reason)} (${event.reference})`;
    case 'skipped':
      return `${paint.warn('skipped')}  ${maskPhone(event.phone)}  opted out`;
    case 'assumed':
      return `assumed ${event.as}  ${maskPhone(event.phone)}  ${said(event, event.reason)} (${event.reference})`;
    case 'retry':
      return `retry in ${formatDuration(event.waitMs)}  ${maskPhone(event.phone)}  ${said(event, event.reason)}${tries(event.attempt)}`;
    case 'delay':
      return paint.warn(delayChange(event, provider));
    case 'rest':
      return restSentence(event, now, provider);
    case 'notice':
      return event.level === 'warning' ? `${paint.warn('warning:')} ${redact(oneLine(event.text))}` : redact(oneLine(event.text));
    case 'paused':
      return paint.warn(`stopping: ${withDetail(pausedWords(event.reason, provider), event.detail)}`);
    case 'plan':
    case 'sent':
    case 'batch':
    case 'go_on':
    case 'tick':
    case 'summary':
      return null;
  }
}

/** What begins every line for a person about a rehearsal; empty for a campaign that reaches people. */
export function sandboxMark(sandbox: boolean): string {
  return sandbox ? 'sandbox · ' : '';
}

/** Why a run stopped before its end, in plain words. */
export function pausedWords(reason: PauseReason, provider: string): string {
  return named(PAUSED[reason], provider);
}

/** The provider's name is put in its place. */
const named = (words: string, provider: string) => words.replace('{provider}', provider);

const PAUSED: Record<PauseReason, string> = {
  circuit_breaker: 'too many failed',
  pause: 'asked to pause',
  limit: 'the limit is reached',
  barred: '{provider} refuses the line',
  waiting: 'waited too long',
  signal: 'interrupted',
};

/** The words for a pause as a checkpoint holds it: ours where the reason is one of ours. */
export function pauseWords({ reason, detail }: { reason: string; detail: string }, provider: string): string {
  return withDetail(Object.hasOwn(PAUSED, reason) ? pausedWords(reason as PauseReason, provider) : oneLine(reason), detail);
}

/** What a rest is, before its countdown: in full, and ever shorter for a narrow terminal. */
export function restingWords(reason: RestReason, provider: string): [full: string, ...shorter: string[]] {
  const [full, ...shorter] = RESTING[reason];
  return [named(full, provider), ...shorter];
}

const RESTING: Record<RestReason, [full: string, ...shorter: string[]]> = {
  batch_pause: ['pause'],
  throttled: ['{provider} says slow down:', 'slow down:'],
  offline: ['the device is offline: asking again in', 'device offline, asking in', 'offline:'],
  queue_paused: ['nothing is delivered: asking again in', 'queue paused, asking in', 'queue paused:'],
  queue_full: ["the device's queue is full: asking again in", 'queue full, asking in', 'queue full:'],
  unreachable: ['{provider} cannot be reached: trying again in', 'unreachable, retry in', 'unreachable:'],
  checkpoint: ['the checkpoint cannot be reached: trying again in', 'no checkpoint, retry in', 'checkpoint:'],
  message_2: ['Message 2 goes first:', 'Message 2:'],
  database: ['the database cannot be reached: trying again in', 'no database, retry in', 'database:'],
};

function restSentence({ reason, until, detail }: Extract<Event, { type: 'rest' }>, now: EpochMs, provider: string): string {
  const [words] = restingWords(reason, provider);
  const wait = formatDuration(wholeSeconds(until - now));
  if (reason === 'batch_pause') return `pause of ${wait}`;
  if (reason === 'message_2') return detail;
  if (reason === 'throttled') return withDetail(`${words} waiting ${wait}`, detail);
  return withDetail(`${words} ${wait}`, detail);
}

function delayChange({ cause, fromMs, toMs, errorRate }: Extract<Event, { type: 'delay' }>, provider: string): string {
  const [from, to, rate] = [seconds(fromMs), seconds(toMs), formatPercent(errorRate)];
  switch (cause) {
    case 'error_rate':
      return `slower, every ${to} instead of ${from}: ${rate} failed`;
    case 'throttled':
      return `slower, every ${to} instead of ${from}: ${provider} said slow down (${rate} failed)`;
    case 'recovered':
      return `back to every ${to} from ${from}: ${rate} failed`;
    case 'configuration':
      return `every ${to} instead of ${from} from now on: the setting was changed (${rate} failed)`;
  }
}

/** A provider's words about a recipient, on one line, with the number hidden where it repeats it in whatever spelling. */
function said({ phone }: { phone: string }, text: string): string {
  const digits = phone.replace(/\D/g, '');
  const spelled = new RegExp(`\\+?${[...digits].join('[\\s().-]*')}`, 'g');
  return redact(digits.length < 7 ? oneLine(text) : oneLine(text).replace(spelled, maskPhone(phone)));
}

function tries(attempt: number): string {
  return attempt > 1 ? ` (attempt ${attempt})` : '';
}

function withDetail(words: string, detail: string): string {
  return detail.trim() === '' ? words : `${words} (${redact(oneLine(detail))})`;
}

function wholeSeconds(ms: Milliseconds): Milliseconds {
  return Math.max(0, Math.ceil(ms / 1_000) * 1_000);
}
