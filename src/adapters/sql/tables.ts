import type { SqlDialect } from './database.ts';

/** One table as wsend creates it. */
export interface Table {
  name: string;
  /** Column definitions by name, in order. */
  columns: Record<string, string>;
  /** Columns that wsend can do without in a table that others created. */
  optional?: string[];
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

/** What only wsend needs: which file became which campaign, and Message 2 as rendered from it. */
export function importTables(dialect: SqlDialect): Table[] {
  const { key, time, now } = TYPES[dialect];
  return [
    {
      name: 'wsend_imports',
      columns: { campaign_id: `${key} not null`, fingerprint: 'varchar(100) not null', created_at: `${time} not null default ${now}` },
      unique: ['fingerprint'],
    },
    {
      name: 'wsend_message_2',
      columns: { campaign_id: `${key} not null`, contact_id: `${key} not null`, content: 'text not null' },
      unique: ['campaign_id, contact_id'],
    },
  ];
}

/** Which campaigns are rehearsals. */
export function sandboxTables(dialect: SqlDialect): Table[] {
  const { key, time, now } = TYPES[dialect];
  const columns = { campaign_id: `${key} not null primary key`, created_at: `${time} not null default ${now}` };
  return [{ name: 'wsend_sandbox_campaigns', columns, optional: ['created_at'] }];
}

/** Both names that the provider gave to each message: its own and WhatsApp's. `recorded_as` is the one in `messages`. */
export function providerIdTables(dialect: SqlDialect): Table[] {
  const { key, name } = TYPES[dialect];
  const columns = { provider_id: `${name} not null primary key`, message_id: `${key} not null`, recorded_as: `${name} not null` };
  return [{ name: 'wsend_provider_ids', columns }];
}

/** What the provider reported and is still to be worked off, or was lately; and the line that each Message 2 goes out on. */
export function inboxTables(dialect: SqlDialect): Table[] {
  const { id, key, time, long } = TYPES[dialect];
  return [
    {
      name: 'wsend_inbox',
      columns: {
        id,
        fact_key: 'varchar(64) not null',
        kind: 'varchar(20) not null',
        fact: `${long} not null`,
        received_at: `${time} not null`,
        due_at: `${time} not null`,
        tries: 'integer not null default 0',
        done_at: `${time} null`,
        result: 'varchar(50)',
      },
      unique: ['fact_key'],
      indexes: ['kind, done_at, due_at'],
    },
    { name: 'wsend_message_2_lines', columns: { message_id: `${key} not null primary key`, line: 'varchar(100) not null' } },
  ];
}

/** Who wants no messages: every change, the latest of a number counts. The id is the cursor of those who follow the changes. */
export function optOutTables(dialect: SqlDialect): Table[] {
  const { id, time } = TYPES[dialect];
  const columns = {
    id,
    phone: 'varchar(25) not null',
    is_out: 'integer not null',
    changed_at: `${time} not null`,
    source: 'varchar(100) not null',
  };
  return [{ name: 'wsend_optouts', columns, indexes: ['phone, id'] }];
}

/** Which run was the last to take a campaign up. */
export function lastRunTables(dialect: SqlDialect): Table[] {
  const { key, time, now } = TYPES[dialect];
  const columns = {
    campaign_id: `${key} not null primary key`,
    token: 'varchar(100) not null',
    begun_at: `${time} not null default ${now}`,
  };
  return [{ name: 'wsend_last_runs', columns }];
}

/** Where the pace of each line is kept: in the checkpoints of those who sent on it last. */
export function lineTables(dialect: SqlDialect): Table[] {
  const { time, now, name } = TYPES[dialect];
  const columns = { line: `${name} not null primary key`, pace_in: 'varchar(100) not null', since: `${time} not null default ${now}` };
  return [{ name: 'wsend_lines', columns }];
}

const TYPES = {
  sqlite: {
    id: 'integer primary key autoincrement',
    key: 'integer',
    time: 'datetime',
    now: 'current_timestamp',
    name: 'varchar(255)',
    long: 'text',
  },
  postgres: {
    id: 'bigserial primary key',
    key: 'bigint',
    time: 'timestamptz',
    now: 'current_timestamp',
    name: 'varchar(255)',
    long: 'text',
  },
  mysql: {
    id: 'bigint primary key auto_increment',
    key: 'bigint',
    time: 'datetime(3)',
    now: 'current_timestamp(3)',
    // Ids that differ only in case are two.
    name: 'varchar(255) character set utf8mb4 collate utf8mb4_bin',
    long: 'mediumtext',
  },
} as const;

/** The statements that create one table with its indexes. */
export function statementsFor({ name, columns, unique = [], indexes = [], references = {} }: Table, dialect: SqlDialect): string[] {
  const parts = [
    ...Object.entries(columns).map(([column, type]) => `${column} ${type}`),
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
