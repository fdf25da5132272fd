import { type AliasedRawBuilder, type Kysely, type RawBuilder, type Selectable, type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import type { MessageType, Recipient } from '../../../core/campaign.ts';
import type { Settled } from '../../../core/checkpoint.ts';
import { marksOf, readNote } from '../../../core/note.ts';
import type { PlacedRow } from '../../../ports/campaign-store.ts';
import type { SqlDialect } from '../open/dialect.ts';
import type { Database } from '../open/sql-database.ts';
import { fromStored } from './stored-time.ts';
import type { Messages, Schema } from './table-types.ts';

/** The statuses that say the provider took the message. */
export const TAKEN = ['sent', 'delivered', 'read'];

/**
 * True for exactly these statuses. To MySQL's usual collations `Pending` and `pending ` are `pending` too: such a row would be sent, and
 * never become `sent`. The first condition is the one that an index serves.
 */
export function hasStatus(dialect: SqlDialect, ...statuses: string[]): RawBuilder<SqlBool> {
  const list = sql.join(statuses);
  return dialect === 'mysql'
    ? sql<SqlBool>`status in (${list}) and ${exactly(dialect, 'status')} in (${list})`
    : sql<SqlBool>`status in (${list})`;
}

/** A column byte for byte, to compare and group by: MySQL would take some characters for others. */
export function exactly(dialect: SqlDialect, column: string): RawBuilder<unknown> {
  return dialect === 'mysql' ? sql`cast(${sql.ref(column)} as binary)` : sql`${sql.ref(column)}`;
}

/** The Message 1 (or 2) rows of a campaign. */
export function messageRows(db: Kysely<Schema>, campaign: number, type: MessageType = 'message_1') {
  return db.selectFrom('messages').where('campaign_id', '=', campaign).where('message_type', '=', type);
}

/** One type of message of one campaign. */
export interface Stream {
  campaign: number;
  type: MessageType;
  /** Of Message 2, only those that go out on these lines, as `wsend_message_2_lines` names them. */
  lines?: string[] | undefined;
}

/** True of the rows of Message 2 that go out on these lines; where none are named, of every row. */
export function onLines(lines: string[] | undefined): RawBuilder<SqlBool> {
  if (lines === undefined) return sql<SqlBool>`1 = 1`;
  return sql<SqlBool>`id in (select message_id from wsend_message_2_lines where line in (${sql.join(lines)}))`;
}

/** Rows of a stream with one status above `after`, by id, in a way that costs the same wherever `after` lies. */
export async function rowsAfter(
  { db, dialect }: Pick<Database, 'db' | 'dialect'>,
  { campaign, type, lines }: Stream,
  { after, status = 'pending' }: { after: number; status?: string },
) {
  // Left alone, MySQL reads everything below `after` again for each page.
  const index = dialect === 'mysql' ? await indexByCampaign(db) : undefined;
  const hinted = sql`messages force index (${sql.ref(index ?? '')})`;
  const messages: AliasedRawBuilder<Selectable<Messages>, 'messages'> = sql<Selectable<Messages>>`messages`.as<'messages'>(hinted);
  const rows = index === undefined ? db.selectFrom('messages') : db.selectFrom(messages);
  return (rows as SelectQueryBuilder<Schema, 'messages', object>)
    .where(onLines(lines))
    .where('campaign_id', '=', campaign)
    .where('message_type', '=', type)
    .where(hasStatus(dialect, status))
    .where('id', '>', after)
    .orderBy('id');
}

/**
 * These rows (already narrowed, ordered and limited) as recipients, by id. The rows are found before their contacts are joined, so that
 * no more contacts are read than rows; one whose contact is gone comes with an empty number rather than not at all.
 */
export async function asRecipients(
  { db }: Pick<Database, 'db'>,
  rows: SelectQueryBuilder<Schema, 'messages', object>,
): Promise<Recipient[]> {
  const page = rows.select(['id', 'contact_id', 'content', 'retry_count', 'error_message', 'whatsapp_message_id']).as('m');
  const found = await db
    .selectFrom(page)
    .leftJoin('contacts as c', 'c.id', 'm.contact_id')
    .select(['m.id', 'm.contact_id', 'm.content', 'm.retry_count', 'm.error_message', 'm.whatsapp_message_id', 'c.full_number'])
    .orderBy('m.id')
    .execute();
  return found.map((row) => ({
    message: Number(row.id),
    phone: asText(row.full_number),
    content: asText(row.content),
    attempts: asCount(row.retry_count),
    ...marksOf(asText(row.error_message)),
    acceptedBefore: asText(row.whatsapp_message_id) || null,
  }));
}

/** Rows that are settled, as the outcomes that they are. */
export async function asSettled(rows: SelectQueryBuilder<Schema, 'messages', object>): Promise<Settled[]> {
  const found = await rows
    .select(['id', 'status', 'whatsapp_message_id', 'error_message', 'retry_count', 'sent_at'])
    .orderBy('id')
    .execute();
  return found.map(({ id, status, whatsapp_message_id, error_message, retry_count, sent_at }) => {
    const attempts = asCount(retry_count);
    const done = { message: Number(id), at: fromStored(sent_at) ?? 0, attempts, providerId: whatsapp_message_id };
    const note = readNote(error_message)?.note;
    if (status !== 'failed') return { kind: 'sent', ...done, ...(note !== undefined && { note }) };
    const [code = '', ...reason] = asText(error_message).split(': ');
    return { kind: 'failed', ...done, code, reason: reason.join(': ') };
  });
}

/** The same for callers that only want to know which persons these rows are for. */
export async function placedRows(
  { db }: Pick<Database, 'db'>,
  { status, texts }: { status: PlacedRow['status']; texts: boolean },
  rows: SelectQueryBuilder<Schema, 'messages', object>,
): Promise<PlacedRow[]> {
  const page = rows.select(['id', 'contact_id', 'error_message']).$if(texts, (query) => query.select('content'));
  const found = await db
    .selectFrom(page.as('m'))
    .leftJoin('contacts as c', 'c.id', 'm.contact_id')
    .select(['m.id', 'm.error_message', 'c.full_number'])
    .$if(texts, (query) => query.select('m.content'))
    .orderBy('m.id')
    .execute();
  return found.map(({ id, error_message, full_number, content }) => ({
    message: Number(id),
    phone: asText(full_number),
    status,
    ...marksOf(asText(error_message)),
    ...(texts && { content: asText(content) }),
  }));
}

/** A text column's value; SQLite keeps whatever it was given there, bytes too. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : value === null || value === undefined ? '' : String(value);
}

/** Attempts as the column says, or 0 where it does not say a number; bounded, so that one more still fits the column. */
function asCount(value: unknown): number {
  const count = Math.trunc(Number(value));
  return count > 0 ? Math.min(count, MOST_ATTEMPTS) : 0;
}

const MOST_ATTEMPTS = 1_000;

/**
 * The index of MySQL's `messages` that keeps the rows of one campaign together and, inside, in the order of their ids: one that begins
 * with `campaign_id` and has otherwise only what pending Message 1 rows have in common (InnoDB ends each index with the id). The longest
 * of these, or else the primary key. Asked again each time, for an operator may drop an index at any moment; `undefined` when there is none.
 */
export async function indexByCampaign(db: Kysely<Schema>): Promise<string | undefined> {
  const { rows } = await sql<{ Key_name: string; Column_name: string | null }>`show index from messages`.execute(db);
  const columns = new Map<string, string[]>();
  for (const { Key_name, Column_name } of rows) columns.set(Key_name, [...(columns.get(Key_name) ?? []), Column_name?.toLowerCase() ?? '']);
  const fitting = [...columns].filter(
    ([, list]) => list[0] === 'campaign_id' && list.every((column, at) => COMMON.has(column) || isLastId(list, at)),
  );
  const longest = fitting.sort(([, a], [, b]) => b.length - a.length)[0]?.[0];
  return longest ?? (columns.has('PRIMARY') ? 'PRIMARY' : undefined);
}

const COMMON = new Set(['campaign_id', 'message_type', 'status']);

function isLastId(columns: string[], at: number): boolean {
  return columns[at] === 'id' && at === columns.length - 1;
}
