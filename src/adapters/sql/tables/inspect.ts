import { type Kysely, sql } from 'kysely';
import type { SqlDialect } from '../open/dialect.ts';
import type { Schema } from './table-types.ts';

/** A column as the database describes it. */
export interface Column {
  /** `character varying(20)`, `mediumtext`; an enumeration as `enum('a','b')`. */
  type: string;
  isInteger: boolean;
  /** The character set of its texts; empty where the database does not say. */
  charset: string;
}

/** The columns of every table that a bare table name reaches, by table and column. */
export async function columnsByTable(db: Kysely<Schema>, dialect: SqlDialect): Promise<Map<string, Map<string, Column>>> {
  const { rows } = await QUERIES[dialect].execute(db);
  const tables = new Map<string, Map<string, Column>>();
  for (const { name, column, type, charset } of rows) {
    const columns = tables.get(name) ?? new Map<string, Column>();
    tables.set(
      name,
      columns.set(column, { type, isInteger: /int|serial/i.test(type) && !/^enum|interval|point/i.test(type), charset: charset ?? '' }),
    );
  }
  return tables;
}

interface Described {
  name: string;
  column: string;
  type: string;
  charset: string | null;
}

const QUERIES = {
  sqlite: sql<Described>`
    select lower(t.name) as "name", lower(c.name) as "column", c.type as "type", null as "charset"
    from sqlite_master t join pragma_table_info(t.name) c where t.type in ('table', 'view')`,
  // A domain is what it is made of.
  postgres: sql<Described>`
    select t.relname as "name", c.attname as "column", pg_encoding_to_char(d.encoding) as "charset",
      case when y.typtype = 'e'
        then 'enum(' || (select string_agg(quote_literal(enumlabel), ',' order by enumsortorder) from pg_enum where enumtypid = y.oid) || ')'
        when y.typtype = 'd' then format_type(y.typbasetype, y.typtypmod)
        else format_type(c.atttypid, c.atttypmod) end as "type"
    from pg_class t join pg_attribute c on c.attrelid = t.oid join pg_type y on y.oid = c.atttypid
      join pg_database d on d.datname = current_database()
    where pg_table_is_visible(t.oid) and t.relkind in ('r', 'p', 'v', 'f', 'm') and c.attnum > 0 and not c.attisdropped
      and t.relnamespace <> 'pg_catalog'::regnamespace`,
  mysql: sql<Described>`
    select table_name as \`name\`, lower(column_name) as \`column\`, column_type as \`type\`, character_set_name as \`charset\`
    from information_schema.columns where table_schema = database()`,
};
