import type { Database } from '../open/sql-database.ts';
import { columnsByTable } from './inspect.ts';

/** What wsend can do without in tables that others made: columns for delivery and replies. */
export interface OptionalColumns {
  deliveredAt: boolean;
  readAt: boolean;
  interactionCount: boolean;
}

/** Which of them are there now. */
export async function optionalColumns({ db, dialect }: Database): Promise<OptionalColumns> {
  const tables = await columnsByTable(db, dialect);
  return {
    deliveredAt: tables.get('messages')?.has('delivered_at') === true,
    readAt: tables.get('messages')?.has('read_at') === true,
    interactionCount: tables.get('campaigns')?.has('interaction_count') === true,
  };
}
