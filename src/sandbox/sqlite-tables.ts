import type { Generated, Kysely } from 'kysely';
import type { EventKind } from './events.ts';

/** The sandbox's own tables; each `id` counts up, so that it tells the order. */
export interface Tables {
  wsend_sandbox_messages: {
    id: Generated<number>;
    public_id: string;
    wa_id: string;
    reference: string;
    phone: string;
    device: string;
    content: string;
    taken_at: number;
    fails: number;
  };
  wsend_sandbox_events: {
    id: Generated<number>;
    event_id: string;
    kind: EventKind;
    message: string;
    phone: string;
    device: string;
    content: string;
    happens_at: number;
    calls: number;
    call_at: number;
  };
}

/** Creates the tables and indexes that are missing. */
export async function createSandboxTables({ schema }: Kysely<Tables>): Promise<void> {
  await schema
    .createTable('wsend_sandbox_messages')
    .ifNotExists()
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('public_id', 'text', (column) => column.notNull().unique())
    .addColumn('wa_id', 'text', (column) => column.notNull())
    .addColumn('reference', 'text', (column) => column.notNull())
    .addColumn('phone', 'text', (column) => column.notNull())
    .addColumn('device', 'text', (column) => column.notNull())
    .addColumn('content', 'text', (column) => column.notNull())
    .addColumn('taken_at', 'integer', (column) => column.notNull())
    .addColumn('fails', 'integer', (column) => column.notNull())
    .execute();
  await schema
    .createTable('wsend_sandbox_events')
    .ifNotExists()
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('event_id', 'text', (column) => column.notNull().unique())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('message', 'text', (column) => column.notNull())
    .addColumn('phone', 'text', (column) => column.notNull())
    .addColumn('device', 'text', (column) => column.notNull())
    .addColumn('content', 'text', (column) => column.notNull())
    .addColumn('happens_at', 'integer', (column) => column.notNull())
    .addColumn('calls', 'integer', (column) => column.notNull())
    .addColumn('call_at', 'integer', (column) => column.notNull())
    .execute();
  const indexes = [
    ['wsend_sandbox_messages', ['reference']],
    ['wsend_sandbox_messages', ['phone']],
    ['wsend_sandbox_events', ['message']],
    ['wsend_sandbox_events', ['phone', 'kind']],
    ['wsend_sandbox_events', ['calls']],
  ] as const;
  for (const [table, columns] of indexes) {
    await schema
      .createIndex(`${table}_${columns.join('_')}`)
      .ifNotExists()
      .on(table)
      .columns([...columns])
      .execute();
  }
}
