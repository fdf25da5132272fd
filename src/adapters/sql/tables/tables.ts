import type { RawBuilder } from 'kysely';
import { sql } from 'kysely';
import type { SqlDialect } from '../open/dialect.ts';

/** One table as wsend creates it. */
export interface Table {
  name: string;
  /** Column definitions by name, in order. */
  columns: Record<string, string>;
  /** Columns that wsend can do without in a table that others created. */
  optional?: string[];
  /** The columns of the primary key, where no column says that it is one. */
  primaryKey?: string;
  /** Column lists of unique constraints. */
  unique?: string[];
  /** Column lists of other indexes. */
  indexes?: string[];
  /** Referenced table by column. */
  references?: Record<string, string>;
}

/** The tables of this kind of platform, each after those it refers to. */
export function operatorTables(dialect: SqlDialect): Table[] {
  const { id, key, time, now } = TYPES[dialect];
  const made = { created_at: `${time} not null default ${now}` };
  const kept = { ...made, updated_at: `${time} not null default ${now}` };
  const count = 'integer not null default 0';
  return [
    {
      name: 'contacts',
      columns: {
        id,
        phone_number: 'varchar(25)',
        country_code: 'varchar(10)',
        full_number: 'varchar(25) not null',
        first_name: 'varchar(100)',
        last_name: 'varchar(100)',
        whatsapp_verified: 'boolean',
        verified_at: `${time} null`,
        ...kept,
      },
      optional: ['verified_at'],
      unique: ['full_number'],
    },
    {
      name: 'categories',
      columns: { id, name: 'varchar(100) not null', color: 'varchar(20)', ...kept },
      optional: ['color', 'created_at', 'updated_at'],
    },
    {
      name: 'category_contacts',
      columns: { id, category_id: `${key} not null`, contact_id: `${key} not null`, added_at: `${time} not null default ${now}` },
      optional: ['id', 'added_at'],
      unique: ['category_id, contact_id'],
      indexes: ['contact_id'],
      references: { category_id: 'categories', contact_id: 'contacts' },
    },
    {
      name: 'campaigns',
      columns: {
        id,
        name: 'varchar(100) not null',
        message_1: 'text',
        message_2: 'text',
        template_name: 'varchar(100)',
        status: `varchar(50) not null default 'draft' check (status in ('draft', 'sending', 'completed', 'failed'))`,
        total_recipients: count,
        sent_count: count,
        success_count: count,
        failed_count: count,
        interaction_count: count,
        ...kept,
      },
      optional: ['template_name', 'interaction_count'],
    },
    {
      name: 'campaign_categories',
      columns: { id, campaign_id: `${key} not null`, category_id: `${key} not null` },
      optional: ['id'],
      unique: ['campaign_id, category_id'],
      references: { campaign_id: 'campaigns', category_id: 'categories' },
    },
    {
      name: 'messages',
      columns: {
        id,
        campaign_id: `${key} not null`,
        contact_id: `${key} not null`,
        message_type: `varchar(50) not null check (message_type in ('message_1', 'message_2'))`,
        content: 'text',
        status: `varchar(50) not null default 'pending' check (status in ('pending', 'sent', 'delivered', 'read', 'failed'))`,
        whatsapp_message_id: 'varchar(255)',
        error_message: 'text',
        retry_count: count,
        sent_at: `${time} null`,
        delivered_at: `${time} null`,
        read_at: `${time} null`,
        ...kept,
      },
      optional: ['delivered_at', 'read_at'],
      // The first is the order in which recipients are read, a page at a time, whatever lies before them.
      indexes: ['campaign_id, message_type, status, id', 'contact_id, campaign_id', 'whatsapp_message_id'],
      references: { campaign_id: 'campaigns', contact_id: 'contacts' },
    },
    {
      name: 'interactions',
      columns: {
        id,
        campaign_id: key,
        contact_id: key,
        message_id: key,
        interaction_type: `varchar(50) not null check (interaction_type in ('reply', 'reaction', 'read', 'delivered'))`,
        content: 'text',
        whatsapp_message_id: 'varchar(255)',
        received_at: `${time} not null default ${now}`,
      },
      optional: ['id'],
      indexes: ['campaign_id, contact_id', 'message_id'],
      references: { campaign_id: 'campaigns', contact_id: 'contacts', message_id: 'messages' },
    },
  ];
}

/** The types of columns by what they are for. */
export const TYPES = {
  sqlite: {
    id: 'integer primary key autoincrement',
    key: 'integer',
    time: 'datetime',
    now: 'current_timestamp',
    name: 'varchar(255)',
    field: 'varchar(64)',
    long: 'text',
  },
  postgres: {
    id: 'bigserial primary key',
    key: 'bigint',
    time: 'timestamptz',
    now: 'current_timestamp',
    name: 'varchar(255)',
    field: 'varchar(64)',
    long: 'text',
  },
  mysql: {
    id: 'bigint primary key auto_increment',
    key: 'bigint',
    time: 'datetime(3)',
    now: 'current_timestamp(3)',
    // Ids that differ only in case are two.
    name: 'varchar(255) character set utf8mb4 collate utf8mb4_bin',
    field: 'varchar(64) character set utf8mb4 collate utf8mb4_bin',
    long: 'mediumtext',
  },
} as const;

/** The statements that create one table with its indexes. */
export function statementsFor(table: Table, dialect: SqlDialect): string[] {
  const { name, columns, primaryKey, unique = [], indexes = [], references = {} } = table;
  const parts = [
    ...Object.entries(columns).map(([column, type]) => `${column} ${type}`),
    ...(primaryKey === undefined ? [] : [`primary key (${primaryKey})`]),
    ...unique.map((list) => `unique (${list})`),
    ...Object.entries(references).map(([column, table]) => `foreign key (${column}) references ${table} (id) on delete cascade`),
  ];
  const index = (list: string) => `${name}_${list.replaceAll(', ', '_')}`;
  if (dialect !== 'mysql') {
    return [`create table ${name} (${parts.join(', ')})`, ...indexes.map((list) => `create index ${index(list)} on ${name} (${list})`)];
  }
  parts.push(...indexes.map((list) => `index ${index(list)} (${list})`));
  return [`create table ${name} (${parts.join(', ')}) engine = InnoDB default charset = utf8mb4`];
}

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
