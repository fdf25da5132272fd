import type { SqlDialect } from '../open/dialect.ts';
import { type Table, TYPES } from './tables.ts';

/** What version 2 of wsend's own tables adds to version 1. */
export function ownTables2(dialect: SqlDialect): Table[] {
  const { key, name, time } = TYPES[dialect];
  return [
    // What wsend knows of a campaign that no column of `campaigns` can say: see campaign-notes.ts.
    {
      name: 'wsend_campaigns',
      columns: {
        campaign_id: `${key} not null primary key`,
        identity: 'varchar(64) not null',
        recent: 'varchar(20) null',
        cancelled_at: `${time} null`,
      },
    },
    // What the provider calls a contact besides the number that the database holds: see aliases.ts.
    {
      name: 'wsend_aliases',
      columns: { name: `${name} not null`, contact_id: `${key} not null` },
      primaryKey: 'name, contact_id',
      indexes: ['contact_id'],
    },
    // Replies in the inbox that fitted no contact, by what the provider called their sender: should it become known who that is, they are worked off again.
    {
      name: 'wsend_strangers',
      columns: { name: `${name} not null`, inbox_id: `${key} not null` },
      primaryKey: 'name, inbox_id',
      indexes: ['inbox_id'],
    },
  ];
}

/** Columns that version 2 adds to tables of version 1, by table. */
export const OWN_COLUMNS_2: Record<string, Record<string, string>> = {
  // The line that a message was accepted on.
  wsend_provider_ids: { line: 'varchar(100) null' },
};
