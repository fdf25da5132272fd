import { readFileSync } from 'node:fs';
import type { SqlDialect } from '../../src/adapters/sql/open/dialect.ts';
import { freshDatabase, type TestDatabase } from './databases.ts';

/**
 * What there is to send in the existing database: campaign 42, a draft whose rows in `messages` are still to be made. Its two categories
 * hold contacts 1 to 18 and 12 to 28, so 28 people, of whom 4 are known to be without WhatsApp (5, 14, 22, 27) and 3 were never checked.
 * Every third number is stored without `+`. The numbers of contacts 7, 20 and 26 end in `refusedEnding`: a provider is to refuse them.
 */
export const EXISTING = { campaign: 42, recipients: 24, unverified: 4, refused: [7, 20, 26], refusedEnding: '0000' } as const;

/** A database as an operator's platform has it: its own tables, with data, made by nothing of wsend's. */
export async function createExistingDatabase(dialect: SqlDialect): Promise<TestDatabase> {
  const database = await freshDatabase(dialect);
  await database.query(read(`existing-database.${dialect}.sql`));
  await database.query(read('existing-database.data.sql'));
  if (dialect === 'postgres') {
    const tables = ['users', 'contacts', 'categories', 'campaigns', 'messages'];
    await database.query(tables.map((table) => `select setval('${table}_id_seq', (select max(id) from ${table}))`).join('; '));
  }
  return database;
}

/** The database's own description of every table that is not wsend's, with columns, constraints and indexes. */
export async function describeTables(database: TestDatabase, dialect: SqlDialect): Promise<unknown> {
  const descriptions: unknown[] = [];
  for (const query of DESCRIPTIONS[dialect]) descriptions.push(await database.query(query));
  return descriptions;
}

const DESCRIPTIONS: Record<SqlDialect, string[]> = {
  sqlite: [`select type, name, tbl_name, sql from sqlite_master where tbl_name not like 'wsend_%' order by type, name`],
  postgres: [
    `select table_name, column_name, data_type, character_maximum_length, is_nullable, column_default from information_schema.columns
     where table_schema = 'public' and table_name not like 'wsend_%' order by table_name, ordinal_position`,
    `select conrelid::regclass::text as "table", conname, pg_get_constraintdef(oid) as definition from pg_constraint
     where connamespace = 'public'::regnamespace and conrelid::regclass::text not like 'wsend_%' order by 1, 2`,
    `select tablename, indexname, indexdef from pg_indexes where schemaname = 'public' and tablename not like 'wsend_%' order by 1, 2`,
    `select event_object_table, trigger_name from information_schema.triggers order by 1, 2`,
  ],
  mysql: [
    `select table_name, column_name, column_type, is_nullable, column_default, extra, character_set_name from information_schema.columns
     where table_schema = database() and table_name not like 'wsend_%' order by table_name, ordinal_position`,
    `select table_name, constraint_name, constraint_type from information_schema.table_constraints
     where table_schema = database() and table_name not like 'wsend_%' order by 1, 2`,
    `select table_name, index_name, seq_in_index, column_name from information_schema.statistics
     where table_schema = database() and table_name not like 'wsend_%' order by 1, 2, 3`,
  ],
};

function read(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8');
}
