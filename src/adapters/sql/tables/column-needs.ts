import type { SqlDialect } from '../open/dialect.ts';
import { roomOf } from '../open/room.ts';
import type { Column } from './inspect.ts';
import { SHORTEST_ERROR, SHORTEST_ID } from './widths.ts';

/** What wsend needs of a column that it reads or writes. One that is missing is none of this. */
export interface ColumnNeed {
  table: string;
  column: string;
  kind: 'text' | 'time';
  /** In characters: what must never be cut. */
  least?: number;
  /** What is written there, where that is a fixed list. */
  values?: string[];
}

const text = (table: string, column: string, least = 0): ColumnNeed => ({ table, column, kind: 'text', least });
const oneOf = (table: string, column: string, values: string[]): ColumnNeed => ({
  ...text(table, column, Math.max(...values.map(({ length }) => length))),
  values,
});
const times = (table: string, ...columns: string[]): ColumnNeed[] => columns.map((column) => ({ table, column, kind: 'time' }));

/** What every run needs. */
export const SENDING_NEEDS: ColumnNeed[] = [
  text('contacts', 'full_number'),
  text('campaigns', 'message_1'),
  text('campaigns', 'message_2'),
  oneOf('campaigns', 'status', ['draft', 'sending', 'completed', 'failed']),
  ...times('campaigns', 'created_at', 'updated_at'),
  oneOf('messages', 'message_type', ['message_1', 'message_2']),
  text('messages', 'content'),
  oneOf('messages', 'status', ['pending', 'sent', 'delivered', 'read', 'failed']),
  text('messages', 'whatsapp_message_id', SHORTEST_ID),
  text('messages', 'error_message', SHORTEST_ERROR),
  ...times('messages', 'sent_at', 'delivered_at', 'read_at', 'created_at', 'updated_at'),
];

/** What besides takes replies in. */
export const LISTENING_NEEDS: ColumnNeed[] = [
  oneOf('interactions', 'interaction_type', ['reply', 'reaction']),
  text('interactions', 'content'),
  text('interactions', 'whatsapp_message_id', SHORTEST_ID),
  ...times('interactions', 'received_at'),
];

/** What besides makes contacts of a file: a number has a plus and 15 digits at most. */
export const MAKING_NEEDS: ColumnNeed[] = [
  text('contacts', 'full_number', 16),
  text('contacts', 'phone_number', 15),
  text('contacts', 'country_code', 5),
  text('contacts', 'first_name'),
  text('contacts', 'last_name'),
  text('campaigns', 'name'),
];

/** What a column is that does not fit its need, and the statement that mends it. */
export interface Unfit {
  seen: string;
  mend: string;
}

/** Those columns that cannot do what is needed of them, as far as their types are known: SQLite keeps whatever it is given. */
export function unfitColumns(dialect: SqlDialect, tables: ReadonlyMap<string, ReadonlyMap<string, Column>>, needs: ColumnNeed[]): Unfit[] {
  if (dialect === 'sqlite') return [];
  return needs.flatMap((need) => {
    const column = tables.get(need.table)?.get(need.column);
    const seen = column === undefined ? null : whyUnfit(dialect, need, column);
    return seen === null ? [] : [{ seen: `${need.table}.${need.column} is ${column?.type}${seen}`, mend: mend(dialect, need) }];
  });
}

function whyUnfit(dialect: SqlDialect, { kind, least = 0, values = [] }: ColumnNeed, column: Column): string | null {
  const { type } = column;
  if (kind === 'time') return NO_TIME.test(type) ? ', and a date with a time is needed' : null;
  const listed = /^(?:enum|set)\((.*)\)$/i.exec(type)?.[1];
  if (listed !== undefined) {
    const lacks = values.filter((value) => !listed.includes(`'${value}'`));
    return values.length === 0 ? ', and a text is needed' : lacks.length > 0 ? `, and lacks ${lacks.join(', ')}` : null;
  }
  if (NO_TEXT.test(type)) return ', and a text is needed';
  if (dialect === 'postgres' && /^(character|bpchar)(\(|$)/.test(type)) return ', which is filled up with blanks';
  const { longest } = roomOf(dialect, column);
  return longest < least ? `, and ${least} characters are needed` : null;
}

const NO_TEXT =
  /int|serial|numeric|decimal|float|double|real|money|bool|bit|json|xml|bytea|blob|binary|uuid|date|time|year|interval|point|\[\]$/i;
const NO_TIME =
  /^(date|time(\(\d+\))?( with| without|$).*|year|interval|.*(char|text|enum|int|serial|numeric|decimal|float|double|real|bool|json|blob|binary|bytea).*)$/i;

function mend(dialect: SqlDialect, { table, column, kind, least = 0 }: ColumnNeed): string {
  const type = kind === 'time' ? (dialect === 'mysql' ? 'datetime(3) null' : 'timestamptz') : least > 0 ? 'varchar(255)' : 'text';
  return dialect === 'mysql' ? `alter table ${table} modify ${column} ${type}` : `alter table ${table} alter column ${column} type ${type}`;
}
