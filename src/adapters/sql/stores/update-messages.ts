import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { SqlDialect } from '../open/dialect.ts';
import type { Schema } from '../tables/table-types.ts';
import { keptTimes } from '../tables/tables.ts';
import type { RowChange } from './row-change.ts';

/** Writes these changes in one statement. */
export async function updateMessages(transaction: Kysely<Schema>, dialect: SqlDialect, changes: RowChange[], now: string): Promise<void> {
  if (changes.length > 0) await STATEMENTS[dialect](changes, now).execute(transaction);
}

const STATEMENTS: Record<SqlDialect, (changes: RowChange[], now: string) => RawBuilder<unknown>> = {
  // Read as rows of the table itself, so that each value takes the type that the column has there: timestamp or timestamptz, enum or text.
  postgres: (changes, now) => sql`
    update messages as m set ${assignments('', now)}
    from json_populate_recordset(null::messages, ${JSON.stringify(changes)}::json) as x where m.id = x.id`,
  sqlite: (changes, now) => sql`
    update messages as m set ${assignments('', now)}
    from (select ${sql.join(COLUMNS.map((column) => sql`value ->> ${sql.lit(column)} as ${sql.ref(column)}`))} from json_each(${JSON.stringify(changes)})) as x
    where m.id = x.id`,
  mysql: (changes, now) => sql`
    update messages as m join (${sql.join(changes.map(selected), sql` union all `)}) as x on x.id = m.id
    set ${assignments('m.', now)}, ${kept('mysql')}`,
};

const COLUMNS = ['id', 'status', 'whatsapp_message_id', 'error_message', 'retry_count', 'sent_at'] as const;

function selected(change: RowChange): RawBuilder<unknown> {
  return sql`select ${sql.join(COLUMNS.map((column) => sql`${change[column]} as ${sql.ref(column)}`))}`;
}

/** `sent_at` is assigned anyway. */
function kept(dialect: SqlDialect): RawBuilder<unknown> {
  return sql.join(Object.entries(keptTimes(dialect, 'm.created_at')).map(([column, same]) => sql`${sql.ref(column)} = ${same}`));
}

function assignments(target: '' | 'm.', now: string): RawBuilder<unknown> {
  const column = (name: string) => sql.raw(`${target}${name}`);
  return sql`
    ${column('status')} = x.status,
    ${column('whatsapp_message_id')} = coalesce(x.whatsapp_message_id, m.whatsapp_message_id),
    ${column('error_message')} = x.error_message,
    ${column('retry_count')} = x.retry_count,
    ${column('sent_at')} = coalesce(x.sent_at, m.sent_at),
    ${column('updated_at')} = ${now}`;
}
