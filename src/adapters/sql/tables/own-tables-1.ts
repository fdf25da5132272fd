import type { SqlDialect } from '../open/dialect.ts';
import { type Table, TYPES } from './tables.ts';

/** wsend's own tables, version 1: all of them. None refers to another, so that each may be made and missing by itself. */
export function ownTables1(dialect: SqlDialect): Table[] {
  const { id, key, time, now, name, field, long } = TYPES[dialect];
  return [
    // Which file became which campaign.
    {
      name: 'wsend_imports',
      columns: { campaign_id: `${key} not null`, fingerprint: 'varchar(100) not null', created_at: `${time} not null default ${now}` },
      primaryKey: 'fingerprint',
    },
    // Message 2 as rendered from a file.
    {
      name: 'wsend_message_2',
      columns: { campaign_id: `${key} not null`, contact_id: `${key} not null`, content: 'text not null' },
      primaryKey: 'campaign_id, contact_id',
    },
    // Both names that the provider gave to each message: its own and WhatsApp's. `recorded_as` is the one in `messages`.
    {
      name: 'wsend_provider_ids',
      columns: { provider_id: `${name} not null primary key`, message_id: `${key} not null`, recorded_as: `${name} not null` },
    },
    // What the provider reported and is still to be worked off, or was lately.
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
    // The line that each Message 2 goes out on.
    { name: 'wsend_message_2_lines', columns: { message_id: `${key} not null primary key`, line: 'varchar(100) not null' } },
    // Who wants no messages: every change, the latest of a number counts. The id is the cursor of those who follow the changes.
    {
      name: 'wsend_optouts',
      columns: {
        id,
        phone: 'varchar(25) not null',
        is_out: 'integer not null',
        changed_at: `${time} not null`,
        source: 'varchar(100) not null',
      },
      indexes: ['phone, id'],
    },
    // Who may send: see leases.ts. Times are milliseconds of the server's clock.
    {
      name: 'wsend_leases',
      columns: {
        name: `${name} not null primary key`,
        epoch: 'bigint not null',
        token: 'varchar(100) null',
        owner: 'text null',
        asked: 'varchar(20) null',
        expires_at: 'bigint not null',
        before_epoch: 'bigint null',
        before_given_back: 'integer not null default 0',
      },
    },
    // What a run needs to be resumed, where that is kept in this database: see entries.ts.
    {
      name: 'wsend_checkpoints',
      columns: { name: `${name} not null primary key`, epoch: 'bigint not null', step: 'bigint not null', kept_until: 'bigint null' },
    },
    {
      name: 'wsend_entries',
      columns: { name: `${name} not null`, field: `${field} not null`, value: `${long} not null` },
      primaryKey: 'name, field',
    },
  ];
}
