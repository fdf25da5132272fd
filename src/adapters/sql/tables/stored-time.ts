import type { EpochMs } from '../../../core/units.ts';
import type { SqlDialect } from '../open/dialect.ts';

/** A moment as it is written: UTC to the millisecond, in a form that both kinds of PostgreSQL timestamp read alike, MySQL and SQLite too. */
export function toStored(at: EpochMs, dialect: SqlDialect): string {
  const iso = new Date(at).toISOString();
  return dialect === 'postgres' ? iso : iso.slice(0, 23).replace('T', ' ');
}

/** A moment as a database holds it: a text without zone is UTC, a number is seconds or milliseconds since 1970. Null when it is none. */
export function fromStored(value: unknown): EpochMs | null {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.getTime();
  if (typeof value === 'number') return Math.round(value < SECONDS_BELOW ? value * 1_000 : value);
  const parts = typeof value === 'string' ? STORED.exec(value.trim()) : null;
  if (parts === null) return null;
  const [, date, time = '00:00', seconds = '00', fraction = '', zone = 'Z'] = parts;
  const at = Date.parse(`${date}T${time}:${seconds}.${fraction.padEnd(3, '0').slice(0, 3)}${isoZone(zone)}`);
  return Number.isNaN(at) ? null : at;
}

/** Seconds stay below this until the year 5138, milliseconds have been above it since 1973. */
const SECONDS_BELOW = 1e11;

const STORED = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/i;

function isoZone(zone: string): string {
  const offset = /^([+-]\d\d):?(\d\d)?$/.exec(zone);
  return offset === null ? 'Z' : `${offset[1]}:${offset[2] ?? '00'}`;
}
