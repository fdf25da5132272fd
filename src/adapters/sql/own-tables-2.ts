import type { SqlDialect } from './database.ts';
import { type Table, TYPES } from './tables.ts';

/** What version 2 adds to wsend's own tables. */
export function ownTables2(dialect: SqlDialect): Table[] {
  const { key, time } = TYPES[dialect];
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
  ];
}
