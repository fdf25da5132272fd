import { type ExpressionBuilder, type Kysely, type SelectQueryBuilder, sql } from 'kysely';
import { REPLY_WINDOW } from '../../../core/campaign.ts';
import { SKIPPED_PREFIX } from '../../../core/note.ts';
import { toE164 } from '../../../core/phone.ts';
import type { ReplyCounts } from '../../../core/reply-counts.ts';
import type { EpochMs } from '../../../core/units.ts';
import type { Replies } from '../../../ports/inbox.ts';
import { withDatabaseErrors } from '../open/database-errors.ts';
import type { SqlDialect } from '../open/dialect.ts';
import type { Database } from '../open/sql-database.ts';
import { cancelledAmong } from '../stores/campaign-notes.ts';
import { hasStatus, messageRows, TAKEN } from '../tables/message-rows.ts';
import { hasOwnTables } from '../tables/own-tables.ts';
import { fromStored, toStored } from '../tables/stored-time.ts';
import type { Schema } from '../tables/table-types.ts';
import { UNKNOWN_LINE } from './message-2-rows.ts';

/** What came back to campaigns, counted again each time. */
export function replies(database: Database): Replies {
  const { db, dialect } = database;
  return {
    waiting: () =>
      withDatabaseErrors(database, async () => {
        const sending = db.selectFrom('campaigns').select(['id', 'message_2']).where('status', '=', 'sending').orderBy('id');
        return (await sending.execute()).flatMap(({ id, message_2 }) => (message_2?.trim() ? [Number(id)] : []));
      }),

    counts: (campaign, now) =>
      withDatabaseErrors(database, async () => {
        const byStatus = await db
          .selectFrom('messages')
          .select(['message_type', 'status', sql<number>`count(*)`.as('count')])
          .where('campaign_id', '=', campaign)
          .groupBy(['message_type', 'status'])
          .execute();
        const of = (type: string, status: string) =>
          byStatus.filter((row) => row.message_type === type && row.status === status).reduce((sum, { count }) => sum + Number(count), 0);
        const byType = await db
          .selectFrom('interactions')
          .select(['interaction_type', sql<number>`count(*)`.as('count'), sql<number>`count(distinct contact_id)`.as('contacts')])
          .where('campaign_id', '=', campaign)
          .groupBy('interaction_type')
          .execute();
        const typed = (type: string) => byType.find(({ interaction_type }) => interaction_type === type);
        const silent = takenRows(database, campaign)
          .where((eb) => eb.not(sentWithin(dialect, now)))
          .where((eb) => eb.not(eb.exists(repliesTo(eb))));
        const noInteraction = await count(silent);
        const pending = await count(pendingMessage2(database, campaign));
        const counts: ReplyCounts = {
          delivered: of('message_1', 'delivered') + of('message_1', 'read'),
          read: of('message_1', 'read'),
          replied: Number(typed('reply')?.contacts ?? 0),
          reactions: Number(typed('reaction')?.count ?? 0),
          noInteraction,
          message2: {
            pending,
            skipped: of('message_2', 'pending') - pending,
            sent: of('message_2', 'sent') + of('message_2', 'delivered') + of('message_2', 'read'),
            delivered: of('message_2', 'delivered') + of('message_2', 'read'),
            read: of('message_2', 'read'),
            failed: of('message_2', 'failed'),
          },
        };
        return counts;
      }),

    openContacts: (after, limit, now) =>
      withDatabaseErrors(database, async () => {
        const rows = await db
          .selectFrom('messages')
          .innerJoin('contacts as c', 'c.id', 'messages.contact_id')
          .select(['messages.id', 'messages.contact_id', 'messages.sent_at', 'c.full_number'])
          .where('messages.message_type', '=', 'message_1')
          .where(hasStatus(dialect, ...TAKEN))
          .where(sentWithin(dialect, now))
          .where('messages.id', '>', after)
          .orderBy('messages.id')
          .limit(limit)
          .execute();
        const names = await namesByContact(
          database,
          rows.map(({ contact_id }) => Number(contact_id)),
        );
        return rows.map(({ id, contact_id, sent_at, full_number }) => ({
          message: Number(id),
          phone: toE164(full_number) ?? '',
          aliases: names.get(Number(contact_id)) ?? [],
          sentAt: fromStored(sent_at) ?? now,
        }));
      }),

    pendingMessage2: () =>
      withDatabaseErrors(database, async () => {
        if (!(await hasOwnTables(database))) return [];
        const rows = await db
          .selectFrom('wsend_message_2_lines as l')
          .innerJoin('messages as m', 'm.id', 'l.message_id')
          .select([
            'm.campaign_id',
            'l.line',
            sql<number>`min(m.id)`.as('first'),
            sql<number>`count(*) - count(m.error_message)`.as('fresh'),
          ])
          .where('m.message_type', '=', 'message_2')
          .where(hasStatus(dialect, 'pending'))
          .where(isWanted('m.error_message'))
          .groupBy(['m.campaign_id', 'l.line'])
          .execute();
        const cancelled = await cancelledOf(db, rows);
        return rows
          .filter(({ campaign_id }) => !cancelled.has(Number(campaign_id)))
          .sort((a, b) => Number(a.first) - Number(b.first))
          .map(({ campaign_id, line, fresh }) => ({
            campaign: Number(campaign_id),
            line: line === UNKNOWN_LINE ? null : line,
            fresh: Number(fresh) > 0,
          }));
      }),
  };
}

/** Those of their campaigns that were cancelled. */
async function cancelledOf(db: Kysely<Schema>, rows: { campaign_id: number }[]): Promise<Map<number, EpochMs>> {
  const ids = [...new Set(rows.map(({ campaign_id }) => Number(campaign_id)))];
  if (ids.length === 0) return new Map();
  return cancelledAmong(db, await db.selectFrom('campaigns').select(['id', 'created_at']).where('id', 'in', ids).execute());
}

async function namesByContact({ db }: Database, contacts: number[]): Promise<Map<number, string[]>> {
  const names = new Map<number, string[]>();
  if (contacts.length === 0) return names;
  const rows = await db
    .selectFrom('wsend_aliases')
    .select(['name', 'contact_id'])
    .where('contact_id', 'in', contacts)
    .orderBy('name')
    .execute();
  for (const { name, contact_id } of rows) names.set(Number(contact_id), [...(names.get(Number(contact_id)) ?? []), name]);
  return names;
}

type Rows = SelectQueryBuilder<Schema, 'messages', object>;

async function count(rows: Rows): Promise<number> {
  return Number((await rows.select(({ fn }) => fn.countAll().as('count')).executeTakeFirstOrThrow()).count);
}

/** True of a pending row that was not left out. */
export function isWanted(column: string) {
  return sql<boolean>`(${sql.ref(column)} is null or ${sql.ref(column)} not like ${`${SKIPPED_PREFIX}%`})`;
}

/** Message 1 rows of a campaign that the provider took. */
function takenRows({ db, dialect }: Database, campaign: number): Rows {
  return messageRows(db, campaign).where(hasStatus(dialect, ...TAKEN));
}

/** Message 1 rows whose 24 h are not over, of contacts who have had no Message 2. */
export function openRows(database: Database, campaign: number, now: EpochMs): Rows {
  return takenRows(database, campaign)
    .where(sentWithin(database.dialect, now))
    .where((eb) => eb.not(eb.exists(message2To(eb))));
}

/** Message 2 rows that are to be sent. */
export function pendingMessage2({ db, dialect }: Database, campaign: number): Rows {
  return messageRows(db, campaign, 'message_2').where(hasStatus(dialect, 'pending')).where(isWanted('error_message'));
}

/** Whether Message 1 went out in the last 24 h. SQLite keeps times as text, and other programs write it in other forms. */
function sentWithin(dialect: SqlDialect, now: EpochMs) {
  const windowEnd = toStored(now - REPLY_WINDOW, dialect);
  return dialect === 'sqlite' ? sql<boolean>`julianday(sent_at) > julianday(${windowEnd})` : sql<boolean>`sent_at > ${windowEnd}`;
}

function repliesTo({ selectFrom }: ExpressionBuilder<Schema, 'messages'>) {
  return selectFrom('interactions as i')
    .select('i.message_id')
    .whereRef('i.campaign_id', '=', 'messages.campaign_id')
    .whereRef('i.contact_id', '=', 'messages.contact_id')
    .where('i.interaction_type', '=', 'reply');
}

/** Message 2 of the same contact, once it is settled. */
function message2To({ selectFrom }: ExpressionBuilder<Schema, 'messages'>) {
  return selectFrom('messages as second')
    .select('second.id')
    .whereRef('second.contact_id', '=', 'messages.contact_id')
    .whereRef('second.campaign_id', '=', 'messages.campaign_id')
    .where('second.message_type', '=', 'message_2')
    .where('second.status', '!=', 'pending');
}
