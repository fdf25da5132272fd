import { type Column, columnsByTable } from '../tables/inspect.ts';
import { plainText, storedText } from '../tables/stored-text.ts';
import type { SqlDialect } from './dialect.ts';
import type { Database } from './sql-database.ts';

/** What a column of texts takes. */
export interface Room {
  /** Infinity where nothing is known of a limit. */
  longest: number;
  unit: 'characters' | 'bytes';
  /** What its character set lacks; null where that is nothing, or nothing that is known here. */
  lacks: RegExp | null;
}

/** The room in each column of the operator's tables. */
export type Rooms = (table: string, column: string) => Room;

/** The same as the database has it now. It is asked once; `anew` where it seems to have changed. Not inside a transaction. */
export function roomsOf({ db, dialect }: Pick<Database, 'db' | 'dialect'>, { anew = false } = {}): Promise<Rooms> {
  const known = anew ? undefined : asked.get(db);
  if (known !== undefined) return known;
  const found = columnsByTable(db, dialect).then(
    (tables): Rooms =>
      (table, column) =>
        roomOf(dialect, tables.get(table)?.get(column)),
  );
  asked.set(db, found);
  found.catch(() => asked.delete(db));
  return found;
}

const asked = new WeakMap<Database['db'], Promise<Rooms>>();

/** A column of which nothing is known, or that takes everything. */
const ROOM: Room = { longest: Number.POSITIVE_INFINITY, unit: 'characters', lacks: null };

/** The room in a column. SQLite keeps whatever it is given. */
export function roomOf(dialect: SqlDialect, column: Column | undefined): Room {
  if (dialect === 'sqlite' || column === undefined) return ROOM;
  const charset = column.charset.toLowerCase();
  const width = /\((\d+)\)/.exec(column.type)?.[1];
  const bytes = BYTES[column.type.toLowerCase()];
  return {
    longest: Number(/char/i.test(column.type) ? (width ?? Number.POSITIVE_INFINITY) : (bytes ?? Number.POSITIVE_INFINITY)),
    // Without an encoding PostgreSQL counts what it is given.
    unit: bytes !== undefined || charset === 'sql_ascii' ? 'bytes' : 'characters',
    lacks: LACKS[dialect][charset] ?? null,
  };
}

/** The text types of MySQL, which are measured in bytes. */
const BYTES: Record<string, number> = { tinytext: 255, text: 65_535, mediumtext: 16_777_215 };

const BEYOND_THREE_BYTES = /[\u{10000}-\u{10ffff}]/gu;
const WINDOWS = /[^\0-\xff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]/gu;
const LACKS: Record<'postgres' | 'mysql', Record<string, RegExp>> = {
  postgres: { latin1: /[^\0-\xff]/gu, win1252: WINDOWS },
  // What MySQL calls latin1 is that of Windows.
  mysql: { utf8: BEYOND_THREE_BYTES, utf8mb3: BEYOND_THREE_BYTES, ucs2: BEYOND_THREE_BYTES, latin1: WINDOWS, ascii: /[^\0-\x7f]/gu },
};

/** Makes texts that may be changed fit for a column; at most `longest` characters. */
export type Fitting = (text: string, room: Room, longest?: number) => string;

/** The same for a column that refused that: short, and in plain ASCII. */
export const fittedPlainly: Fitting = (text, room, longest) => fitted(plainText(text), room, longest);

/** What the character set of a column lacks becomes `?`, and what is too long for it is cut. */
export function fitted(text: string, room: Room, longest = Number.POSITIVE_INFINITY): string {
  const clean = storedText(text);
  const known = room.lacks === null ? clean : clean.replace(room.lacks, '?');
  if (room.unit === 'characters') return storedText(known, Math.min(longest, room.longest));
  return cutBytes(storedText(known, longest), room.longest);
}

/** Whether a column takes a text as it is. */
export function takes(room: Room, text: string): boolean {
  return fitted(text, room) === storedText(text);
}

/** At most so many bytes of UTF-8, no character halved. */
function cutBytes(text: string, longest: number): string {
  if (Buffer.byteLength(text) <= longest) return text;
  let end = longest;
  const bytes = Buffer.from(text);
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
