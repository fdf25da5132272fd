import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely';
import { SET_ASIDE_PREFIX } from '../../../core/note.ts';
import type { OddText, OddTexts, Texts } from '../../../ports/renderer.ts';
import { withDatabaseErrors } from '../open/database-errors.ts';
import type { SqlDialect } from '../open/dialect.ts';
import { roomsOf, takes } from '../open/room.ts';
import type { Database } from '../open/sql-database.ts';
import { inTransaction } from '../open/transaction.ts';
import { asText, rowsAfter } from '../tables/message-rows.ts';
import { hasOwnTables } from '../tables/own-tables.ts';
import { storedText } from '../tables/stored-text.ts';
import type { Schema } from '../tables/table-types.ts';
import { keptTimes } from '../tables/tables.ts';
import { FIELDS, fieldsOf } from './prepare-rows.ts';

/** Every call rejects with DatabaseUnreachable when the database does not answer. */
export function texts(database: Database): Texts {
  const { db, dialect } = database;
  return {
    odd: (campaign, what) => withDatabaseErrors(database, () => oddTexts(database, campaign, what)),
    fill: (campaign, some) => withDatabaseErrors(database, () => fillTexts(database, campaign, some)),
    takeBack: (campaign, messages) =>
      withDatabaseErrors(database, async () => {
        await db
          .updateTable('messages')
          .set({ ...keptTimes(dialect, 'created_at', 'sent_at'), error_message: null, updated_at: database.stamp() })
          .where('campaign_id', '=', campaign)
          .where('id', 'in', messages)
          .where('error_message', 'like', `${SET_ASIDE_PREFIX}%`)
          .execute();
      }),
    ofFile: (campaign) =>
      withDatabaseErrors(database, async () => {
        if (!(await hasOwnTables(database))) return false;
        for (const table of ['wsend_imports', 'wsend_message_2'] as const)
          if (
            (await db.selectFrom(table).select('campaign_id').where('campaign_id', '=', campaign).limit(1).executeTakeFirst()) !== undefined
          )
            return true;
        return false;
      }),
  };
}

/** Rows that one statement looks at: few enough for a busy server. */
const WINDOW = 5_000;

/**
 * Looks at the next Message 1 rows above `after`, by id, and gives those of them that cannot just be sent as they are. The database finds them, so that
 * the texts of a million others are not read; it finds a few too many, and the caller looks again.
 */
async function oddTexts(database: Database, campaign: number, { after, failed, needed, numbers }: OddTexts) {
  const { db, dialect } = database;
  const status = failed ? 'failed' : 'pending';
  const rows = await rowsAfter(database, { campaign, type: 'message_1' }, { after, status });
  const window = await db
    .selectFrom(rows.limit(WINDOW).select('id').as('w'))
    .select(({ fn }) => [fn.max('id').as('last'), fn.countAll().as('count')])
    .executeTakeFirst();
  const conditions = [
    isOdd(dialect),
    ...needed.map((field) => isBlank(dialect, sql.ref(`c.${field}`))),
    ...(numbers ? [isNoNumber(dialect)] : []),
  ];
  const found = await db
    .selectFrom(rows.limit(WINDOW).select(['id', 'contact_id', 'content', 'retry_count', 'error_message']).as('m'))
    .leftJoin('contacts as c', 'c.id', 'm.contact_id')
    .select(['m.id', 'm.content', 'm.retry_count', 'm.error_message'])
    .select(FIELDS.map((field) => `c.${field}` as const))
    .where(sql<SqlBool>`(${sql.join(conditions, sql` or `)})`)
    .orderBy('m.id')
    .execute();
  const odd: OddText[] = found.map((row) => ({
    message: Number(row.id),
    content: asText(row.content),
    attempts: Number(row.retry_count ?? 0),
    setAside: asText(row.error_message).startsWith(SET_ASIDE_PREFIX),
    phone: asText(row.full_number),
    fields: fieldsOf(row),
  }));
  const more = Number(window?.count ?? 0) === WINDOW;
  return { odd, after: more ? Number(window?.last) : null };
}

/** Missing or blank, longer than a text may be (in characters half as many as in units of UTF-16), with marks of a template, or set aside before. */
function isOdd(dialect: SqlDialect): RawBuilder<SqlBool> {
  const content = sql.ref('m.content');
  const holds = (mark: string) => (dialect === 'postgres' ? sql`strpos(${content}, ${mark}) > 0` : sql`instr(${content}, ${mark}) > 0`);
  const length = dialect === 'sqlite' ? sql`length(${content})` : sql`char_length(${content})`;
  return sql<SqlBool>`${isBlank(dialect, content)} or ${length} > 2048 or ${holds('{{')} or ${holds('{%')}
    or m.error_message like ${`${SET_ASIDE_PREFIX}%`}`;
}

/** Also true of a number with spaces and the like. */
function isNoNumber(dialect: SqlDialect): RawBuilder<SqlBool> {
  const digits = sql`ltrim(c.full_number, '+')`;
  const plain = {
    sqlite: sql`${digits} glob '[1-9]*' and ${digits} not glob '*[^0-9]*' and length(${digits}) between 7 and 15`,
    postgres: sql`c.full_number ~ '^[+]?[1-9][0-9]{6,14}$'`,
    mysql: sql`c.full_number regexp '^[+]?[1-9][0-9]{6,14}$'`,
  };
  return sql<SqlBool>`(c.full_number is null or not (${plain[dialect]}))`;
}

function isBlank(dialect: SqlDialect, column: RawBuilder<unknown>): RawBuilder<SqlBool> {
  if (dialect === 'mysql') return sql<SqlBool>`(${column} is null or ${column} regexp ${'^[[:space:]]*$'})`;
  const trim = dialect === 'postgres' ? sql`btrim` : sql`trim`;
  return sql<SqlBool>`(${column} is null or ${trim}(${column}, ${' \t\n\v\f\r'}) = '')`;
}

/**
 * Writes the texts of Message 1 rows that have none, in one transaction; a row that has one by now is left alone. Returns those that the column cannot
 * hold, which stay as they are. Committed before a claim is made: the reference of a message is made of its text.
 */
async function fillTexts(database: Database, campaign: number, texts: { message: number; content: string }[]): Promise<number[]> {
  const { dialect } = database;
  const room = (await roomsOf(database))('messages', 'content');
  const fit = texts.filter(({ content }) => takes(room, content));
  if (fit.length > 0) await inTransaction(database, (transaction) => fill(transaction, { dialect, campaign, now: database.stamp() }, fit));
  return texts.filter((text) => !fit.includes(text)).map(({ message }) => message);
}

async function fill(
  transaction: Kysely<Schema>,
  { dialect, campaign, now }: { dialect: SqlDialect; campaign: number; now: string },
  texts: { message: number; content: string }[],
): Promise<void> {
  const content = sql<string>`case id ${sql.join(
    texts.map(({ message, content }) => sql`when ${message} then ${storedText(content)}`),
    sql` `,
  )} end`;
  await transaction
    .updateTable('messages')
    .set({ ...keptTimes(dialect, 'created_at', 'sent_at'), content, updated_at: now })
    .where('campaign_id', '=', campaign)
    .where(
      'id',
      'in',
      texts.map(({ message }) => message),
    )
    .where(isBlank(dialect, sql.ref('content')))
    .execute();
}
