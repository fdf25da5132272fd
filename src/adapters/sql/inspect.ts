import { type Kysely, sql } from 'kysely';
import type { SqlDialect } from './database.ts';
import type { Schema } from './table-types.ts';

/** A column as the database describes it. */
export interface Column {
  type: string;
  isInteger: boolean;
}

/** The columns of every table that a bare table name reaches, by table and column. */
export async function columnsByTable(db: Kysely<Schema>, dialect: SqlDialect): Promise<Map<string, Map<string, Column>>> {
  const { rows } = await QUERIES[dialect].execute(db);
  const tables = new Map<string, Map<string, Column>>();
  for (const { name, column, type } of rows) {
    const columns = tables.get(name) ?? new Map<string, Column>();
    tables.set(name, columns.set(column, { type, isInteger: /int|serial/i.test(type) }));
  }
  return tables;
}

const QUERIES = {
  sqlite: sql<{ name: string; column: string; type: string }>`
    select lower(t.name) as "name", lower(c.name) as "column", c.type as "type"
    from sqlite_master t join pragma_table_info(t.name) c where t.type in ('table', 'view')`,
  postgres: sql<{ name: string; column: string; type: string }>`
    select t.relname as "name", c.attname as "column", format_type(c.atttypid, c.atttypmod) as "type"
    from pg_class t join pg_attribute c on c.attrelid = t.oid
    where pg_table_is_visible(t.oid) and t.relkind in ('r', 'p', 'v', 'f', 'm') and c.attnum > 0 and not c.attisdropped
      and t.relnamespace <> 'pg_catalog'::regnamespace`,
  mysql: sql<{ name: string; column: string; type: string }>`
    select table_name as \`name\`, lower(column_name) as \`column\`, column_type as \`type\`
    from information_schema.columns where table_schema = database()`,
};
