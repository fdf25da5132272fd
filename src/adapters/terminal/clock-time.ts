import { type EpochMs, formatDuration, HOUR, MINUTE, type Milliseconds, SECOND } from '../../core/units.ts';

/** A moment on the operator's clock: `12:48`, with its date when that is not today (`Mon 24 Nov 00:10`), and the year when not this one. */
export function clockTime(at: EpochMs, now: EpochMs): string {
  const [then, today] = [new Date(at), new Date(now)];
  if (Number.isNaN(then.getTime())) return 'unknown';
  const time = `${two(then.getHours())}:${two(then.getMinutes())}`;
  if (then.toDateString() === today.toDateString()) return time;
  const [weekday, month] = then.toDateString().split(' ');
  const date = `${weekday} ${then.getDate()} ${month}`;
  return then.getFullYear() === today.getFullYear() ? `${date} ${time}` : `${date} ${then.getFullYear()} ${time}`;
}

/** The same in fewer letters: `12:48` today, else `24 Nov`, and the year when not this one. */
export function dayOf(at: EpochMs, now: EpochMs): string {
  const text = clockTime(at, now);
  return text.replace(/^\w+ (\d+ \w+( \d{4})?) \d\d:\d\d$/, '$1');
}

/** The time at the head of a log line, on the operator's clock: `12:04:31`. */
export function stamp(now: EpochMs): string {
  const at = new Date(now);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** Time left as a clock that counts down: `0:23`, `33:12`, `1:43:20`, `34 d 17 h`. Rounded up, so that 0:00 means now. */
export function countdown(ms: Milliseconds): string {
  const seconds = Math.max(0, Math.ceil(ms / SECOND));
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (h >= 48) return formatDuration(seconds * SECOND);
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Time left to the minute, which is all that a line every 30 s can promise: `40 s`, `43 min`, `1 h 12 min`. */
export function roughly(ms: Milliseconds): string {
  if (ms < MINUTE) return `${Math.max(0, Math.ceil(ms / SECOND))} s`;
  const grain = ms < 48 * HOUR ? MINUTE : HOUR;
  return formatDuration(Math.round(ms / grain) * grain);
}

/** ISO 8601 in UTC, or null for what is no moment at all. */
export function iso(at: EpochMs): string | null {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}
