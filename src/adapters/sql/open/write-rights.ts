import { sql } from 'kysely';
import { messageOf, UsageError } from '../../../errors.ts';
import { describeDatabaseError } from './database-errors.ts';
import type { SqlDialect } from './dialect.ts';
import type { Database } from './sql-database.ts';

/** Something that the user of the database must be allowed to do with a table, in these columns. */
export interface Right {
  may: 'select' | 'insert' | 'update' | 'delete';
  table: string;
  columns: string[];
}

/** What every run writes: outcomes, counters, the campaign's status. */
export function sendingRights(dialect: SqlDialect): Right[] {
  // See kept-times.ts.
  const kept = dialect === 'mysql' ? ['created_at'] : [];
  const counters = ['total_recipients', 'sent_count', 'success_count', 'failed_count'];
  const outcome = ['status', 'whatsapp_message_id', 'error_message', 'retry_count', 'sent_at'];
  return [
    { may: 'update', table: 'messages', columns: [...outcome, ...kept, 'updated_at'] },
    { may: 'update', table: 'campaigns', columns: ['status', ...counters, ...kept, 'updated_at'] },
  ];
}

/** Keeps aliases, and catches up for a person who becomes known by one. */
const ALIASES: Right[] = [
  { may: 'insert', table: 'wsend_aliases', columns: ['name', 'contact_id'] },
  { may: 'update', table: 'wsend_aliases', columns: ['contact_id'] },
  { may: 'delete', table: 'wsend_strangers', columns: [] },
  { may: 'insert', table: 'wsend_optouts', columns: ['phone', 'is_out', 'changed_at', 'source'] },
  { may: 'update', table: 'wsend_optouts', columns: ['phone'] },
  { may: 'update', table: 'wsend_inbox', columns: ['due_at', 'tries', 'done_at', 'result'] },
];

/**
 * What every run writes in wsend's own tables: its lease, what it needs to be resumed, and both ids of each message. To leave a row alone that is
 * there, MySQL wants the right to update its key.
 */
export const SENDING_OWN: Right[] = [
  { may: 'insert', table: 'wsend_leases', columns: ['name', 'epoch', 'expires_at'] },
  {
    may: 'update',
    table: 'wsend_leases',
    columns: ['name', 'epoch', 'token', 'owner', 'asked', 'expires_at', 'before_epoch', 'before_given_back'],
  },
  { may: 'insert', table: 'wsend_checkpoints', columns: ['name', 'epoch', 'step', 'kept_until'] },
  { may: 'update', table: 'wsend_checkpoints', columns: ['name', 'epoch', 'step', 'kept_until'] },
  { may: 'delete', table: 'wsend_checkpoints', columns: [] },
  { may: 'insert', table: 'wsend_entries', columns: ['name', 'field', 'value'] },
  { may: 'update', table: 'wsend_entries', columns: ['value'] },
  { may: 'delete', table: 'wsend_entries', columns: [] },
  { may: 'insert', table: 'wsend_provider_ids', columns: ['provider_id', 'message_id', 'recorded_as', 'line'] },
  { may: 'update', table: 'wsend_provider_ids', columns: ['message_id'] },
  ...ALIASES,
  { may: 'select', table: 'wsend_optouts', columns: ['id', 'phone', 'is_out'] },
  { may: 'select', table: 'wsend_campaigns', columns: ['campaign_id', 'identity', 'recent', 'cancelled_at'] },
];

const NEW_MESSAGE: Right = {
  may: 'insert',
  table: 'messages',
  columns: ['campaign_id', 'contact_id', 'message_type', 'content', 'status', 'retry_count', 'created_at', 'updated_at'],
};

/** What besides makes the recipients of a campaign, of a file or of its categories. */
export const MAKING: Right[] = [
  NEW_MESSAGE,
  { may: 'insert', table: 'contacts', columns: ['full_number', 'phone_number', 'country_code', 'first_name', 'last_name', 'created_at'] },
  { may: 'insert', table: 'campaigns', columns: ['name', 'message_1', 'message_2', 'status', 'total_recipients', 'created_at'] },
  { may: 'insert', table: 'wsend_imports', columns: ['campaign_id', 'fingerprint', 'created_at'] },
  { may: 'insert', table: 'wsend_message_2', columns: ['campaign_id', 'contact_id', 'content'] },
  { may: 'insert', table: 'wsend_campaigns', columns: ['campaign_id', 'identity', 'recent', 'cancelled_at'] },
  { may: 'update', table: 'wsend_campaigns', columns: ['identity', 'recent', 'cancelled_at'] },
  { may: 'delete', table: 'wsend_campaigns', columns: [] },
];

/** What besides takes replies and reports in, and makes and sends Message 2. */
export const LISTENING: Right[] = [
  NEW_MESSAGE,
  { may: 'update', table: 'messages', columns: ['delivered_at', 'read_at'] },
  { may: 'update', table: 'campaigns', columns: ['interaction_count'] },
  {
    may: 'insert',
    table: 'interactions',
    columns: ['campaign_id', 'contact_id', 'message_id', 'interaction_type', 'content', 'received_at'],
  },
  { may: 'insert', table: 'wsend_inbox', columns: ['fact_key', 'kind', 'fact', 'received_at', 'due_at', 'tries'] },
  { may: 'update', table: 'wsend_inbox', columns: ['due_at', 'tries', 'done_at', 'result'] },
  { may: 'delete', table: 'wsend_inbox', columns: [] },
  { may: 'insert', table: 'wsend_strangers', columns: ['name', 'inbox_id'] },
  { may: 'update', table: 'wsend_strangers', columns: ['inbox_id'] },
  { may: 'insert', table: 'wsend_message_2_lines', columns: ['message_id', 'line'] },
  { may: 'insert', table: 'wsend_optouts', columns: ['phone', 'is_out', 'changed_at', 'source'] },
  // To lock the list, PostgreSQL and MySQL want this right too.
  { may: 'update', table: 'wsend_optouts', columns: ['phone'] },
  { may: 'select', table: 'contacts', columns: ['id', 'full_number'] },
  { may: 'select', table: 'wsend_message_2', columns: ['content'] },
  { may: 'select', table: 'wsend_provider_ids', columns: ['provider_id', 'message_id', 'recorded_as', 'line'] },
  { may: 'select', table: 'wsend_aliases', columns: ['name', 'contact_id'] },
  { may: 'select', table: 'wsend_strangers', columns: ['name', 'inbox_id'] },
];

/**
 * Those of the rights that the database refuses, with its words; found out by statements that reach no row. Rejects with
 * DatabaseUnreachable when it does not answer or takes no writes at all.
 */
export async function refusedRights(database: Database, rights: Right[]): Promise<{ right: Right; reason: string }[]> {
  try {
    await tryOut(database, rights);
    return [];
  } catch (error) {
    reasonOf(error, database);
  }
  const refused: { right: Right; reason: string }[] = [];
  for (const right of rights) {
    try {
      await tryOut(database, [right]);
    } catch (error) {
      refused.push({ right, reason: reasonOf(error, database) });
    }
  }
  return refused;
}

/** `update messages, insert contacts`. */
export function namesOf(rights: Right[]): string {
  return rights.map(({ may, table }) => `${may} ${table}`).join(', ');
}

/** The statement that gives them, for the operator to type. */
export function grantOf(rights: Right[]): string {
  const byTable = new Map<string, Set<string>>();
  // A program that changes rows reads them first.
  for (const { may, table } of rights) byTable.set(table, (byTable.get(table) ?? new Set(['select'])).add(may));
  return [...byTable].map(([table, mays]) => `grant ${[...mays].join(', ')} on ${table} to <user>`).join('; ');
}

function reasonOf(error: unknown, { name }: Database): string {
  const described = describeDatabaseError(error, name, 'opening');
  if (!(described instanceof UsageError)) throw described ?? error;
  return messageOf(error);
}

/** One round trip where that can be. PostgreSQL knows triggers that fire for no row at all: what they did is undone. */
async function tryOut({ db, dialect }: Database, rights: Right[]): Promise<void> {
  const statements = statementsFor(rights, dialect);
  await db.connection().execute(async (connection) => {
    if (dialect !== 'postgres') {
      for (const statement of statements) await sql.raw(statement).execute(connection);
      return;
    }
    try {
      await sql.raw(['begin', ...statements, 'rollback'].join('; ')).execute(connection);
    } catch (error) {
      await sql`rollback`.execute(connection).catch(() => {});
      throw error;
    }
  });
}

/** MySQL takes one statement at a time, but one for all updates. */
function statementsFor(rights: Right[], dialect: SqlDialect): string[] {
  if (dialect !== 'mysql') return rights.map(statementFor);
  const updates = rights.filter(({ may }) => may === 'update');
  const others = rights.filter(({ may }) => may !== 'update').map(statementFor);
  if (updates.length === 0) return others;
  const columns = updates.flatMap(({ table, columns }) => columns.map((column) => `${table}.${column}`));
  const tables = new Set(updates.map(({ table }) => table));
  return [`update ${[...tables].join(', ')} set ${columns.map((column) => `${column} = ${column}`).join(', ')} where 1 = 0`, ...others];
}

function statementFor({ may, table, columns }: Right): string {
  const list = columns.join(', ');
  switch (may) {
    case 'select':
      return `select ${list} from ${table} where 1 = 0`;
    case 'insert':
      return `insert into ${table} (${list}) select ${list} from ${table} where 1 = 0`;
    case 'update':
      return `update ${table} set ${columns.map((column) => `${column} = ${column}`).join(', ')} where 1 = 0`;
    case 'delete':
      return `delete from ${table} where 1 = 0`;
  }
}
