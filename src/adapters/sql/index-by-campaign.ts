import { type Kysely, sql } from 'kysely';
import type { Schema } from './table-types.ts';

/**
 * The index of MySQL's `messages` that keeps the rows of one campaign together and, inside, in the order of their ids: one that begins
 * with `campaign_id` and has otherwise only what pending Message 1 rows have in common (InnoDB ends each index with the id). The longest
 * of these, or else the primary key. Asked again each time, for an operator may drop an index at any moment; `undefined` when there is none.
 */
export async function indexByCampaign(db: Kysely<Schema>): Promise<string | undefined> {
  const { rows } = await sql<{ Key_name: string; Column_name: string | null }>`show index from messages`.execute(db);
  const columns = new Map<string, string[]>();
  for (const { Key_name, Column_name } of rows) columns.set(Key_name, [...(columns.get(Key_name) ?? []), Column_name?.toLowerCase() ?? '']);
  const fitting = [...columns].filter(
    ([, list]) => list[0] === 'campaign_id' && list.every((column, at) => COMMON.has(column) || isLastId(list, at)),
  );
  const longest = fitting.sort(([, a], [, b]) => b.length - a.length)[0]?.[0];
  return longest ?? (columns.has('PRIMARY') ? 'PRIMARY' : undefined);
}

const COMMON = new Set(['campaign_id', 'message_type', 'status']);

function isLastId(columns: string[], at: number): boolean {
  return columns[at] === 'id' && at === columns.length - 1;
}
