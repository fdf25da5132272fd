import { type RawBuilder, sql } from 'kysely';
import type { SqlDialect } from './database.ts';

/**
 * Assignments that keep these times of a row as they are, for every update of `campaigns` and `messages`. MySQL before 8 and MariaDB before
 * 10.10 make the first TIMESTAMP column of a table change with every update unless it is assigned (explicit_defaults_for_timestamp = OFF),
 * and a changed `created_at` would change every reference: look-ups would miss, and people get the message twice.
 */
export function keptTimes<Column extends string>(
  dialect: SqlDialect,
  ...columns: Column[]
): { [name in Column]?: RawBuilder<string | null> } {
  if (dialect !== 'mysql') return {};
  return Object.fromEntries(columns.map((column) => [column, sql.ref(column)])) as { [name in Column]?: RawBuilder<string | null> };
}
