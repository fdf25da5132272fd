import type { Kysely } from 'kysely';
import { countersMoved } from '../../../core/delivery.ts';
import type { EpochMs } from '../../../core/units.ts';
import type { Result } from '../../../ports/campaign-store.ts';
import { refusesValue } from '../open/database-errors.ts';
import type { SqlDialect } from '../open/dialect.ts';
import { locked, ofCampaign } from '../open/dialect.ts';
import { type Fitting, fitted, fittedPlainly, type Rooms, roomsOf } from '../open/room.ts';
import type { Database } from '../open/sql-database.ts';
import { inRepeatableTransaction } from '../open/transaction.ts';
import { chunks } from '../tables/chunks.ts';
import { TAKEN } from '../tables/message-rows.ts';
import { toStored } from '../tables/stored-time.ts';
import type { Schema } from '../tables/table-types.ts';
import { type AliasContext, link, linksOf } from './aliases.ts';
import { lockCampaign, moveCounters } from './counters.ts';
import { acceptancesOf, keepProviderIds, messagesNamed } from './provider-ids.ts';
import { changeAfter } from './row-change.ts';
import { updateMessages } from './update-messages.ts';

/**
 * Writes results and moves the campaign's counters, in one transaction. Which rows change is read under lock first, so that the counters
 * move by exactly these, however often the same results arrive. A report may have settled a row before its run recorded it: what it said stands.
 * Both ids of what was accepted are kept with it. Texts are cut to their columns, and
 * written short and in ASCII where the database refuses them all the same: an outcome must not be lost for the sake of its wording.
 */
export async function record(database: Database, campaign: number, results: readonly Result[]): Promise<void> {
  if (results.length === 0) return;
  const rows = byRow(results);
  const write = (text: Fitting, rooms: Rooms) => writeRows(database, { campaign, rows, text, rooms, results });
  try {
    await write(fitted, await roomsOf(database));
  } catch (error) {
    if (!refusesValue(error)) throw error;
    await write(fittedPlainly, await roomsOf(database, { anew: true }));
  }
}

/** The results of one row of `messages`, in the order they came. */
interface RowResults {
  id: number;
  results: Result[];
}

/** Rows by id, so that two processes lock them in the same order. */
function byRow(results: readonly Result[]): RowResults[] {
  const rows = new Map<number, RowResults>();
  for (const result of results) {
    const row = rows.get(result.message) ?? { id: result.message, results: [] };
    row.results.push(result);
    rows.set(row.id, row);
  }
  return [...rows.values()].sort((a, b) => a.id - b.id);
}

interface Writing {
  campaign: number;
  rows: RowResults[];
  text: Fitting;
  rooms: Rooms;
  /** As they came: both ids of what was accepted are kept. */
  results: readonly Result[];
}

function writeRows(database: Database, { campaign, rows, text, rooms, results }: Writing): Promise<void> {
  const { dialect } = database;
  const time = (at: EpochMs) => toStored(at, dialect);
  const fit = { text, time, error: rooms('messages', 'error_message'), id: rooms('messages', 'whatsapp_message_id') };
  return inRepeatableTransaction(database, async (transaction) => {
    await lockCampaign(transaction, dialect, campaign);
    const now = database.stamp();
    const moved = { sent: 0, failed: 0 };
    const held = new Map<number, string>();
    for (const some of chunks(rows)) {
      const before = await lockRows(transaction, { dialect, campaign, ids: some.map(({ id }) => id) });
      const failed = await failedSince(transaction, some, before);
      const changes = some.flatMap(({ id, results }) => {
        const { status, error = null, name = null } = before.get(id) ?? {};
        const isFailed = failed.has(id);
        const change = changeAfter({ id, status, error, results: isFailed ? [] : results, fit });
        if (name !== null && (isFailed || (change !== undefined && TAKEN.includes(status as string)))) held.set(id, name);
        return change === undefined ? [] : [change];
      });
      for (const { id, status } of changes) {
        const { isCounted, status: was } = before.get(id) as LockedRow;
        const by = isCounted ? countersMoved(was, status) : { sent: 0, failed: 0 };
        moved.sent += by.sent;
        moved.failed += by.failed;
      }
      await updateMessages(transaction, dialect, changes, now);
    }
    await keepProviderIds(transaction, dialect, acceptancesOf(results, held));
    await keepAliases({ transaction, dialect, at: Math.max(...results.map(({ at }) => at)) }, results);
    if (moved.sent !== 0 || moved.failed !== 0) await moveCounters(transaction, dialect, { by: { campaign, ...moved }, now });
  });
}

/** What the provider calls those who were sent to, and those whose number is stored in a spelling of its own. */
async function keepAliases(context: AliasContext, results: readonly Result[]): Promise<void> {
  const aliases = new Map(results.flatMap((result) => (result.kind === 'sent' ? [[result.message, result.alias ?? null] as const] : [])));
  for (const some of chunks([...aliases.keys()])) {
    const rows = await context.transaction
      .selectFrom('messages as m')
      .innerJoin('contacts as c', 'c.id', 'm.contact_id')
      .select(['m.id', 'm.contact_id', 'c.full_number'])
      .where('m.id', 'in', some)
      .execute();
    const links = rows.flatMap(({ id, contact_id, full_number }) => {
      const alias = aliases.get(Number(id)) ?? null;
      return linksOf(Number(contact_id), full_number, alias === null ? [] : [alias]);
    });
    await link(context, links);
  }
}

interface Rows {
  dialect: SqlDialect;
  campaign: number;
  ids: number[];
}

/** A row as it was before. */
interface LockedRow {
  status: string;
  error: string | null;
  /** The provider's id that it holds. */
  name: string | null;
  /** The campaign's counters count it: it is a Message 1. */
  isCounted: boolean;
}

async function lockRows(transaction: Kysely<Schema>, { dialect, campaign, ids }: Rows): Promise<Map<number, LockedRow>> {
  const query = transaction
    .selectFrom('messages')
    .select(['id', 'status', 'message_type', 'error_message', 'whatsapp_message_id'])
    .where('id', 'in', ids)
    .where(ofCampaign(dialect, campaign))
    .orderBy('id');
  const rows = await locked(dialect, query).execute();
  return new Map(
    rows.map(({ id, status, message_type, error_message: error, whatsapp_message_id: name }) => [
      Number(id),
      { status, error, name, isCounted: message_type === 'message_1' },
    ]),
  );
}

/** The failed rows of which these results only say that they were accepted: that very acceptance is what failed at the provider since. */
async function failedSince(transaction: Kysely<Schema>, rows: RowResults[], before: Map<number, LockedRow>): Promise<Set<number>> {
  const failed = rows.filter(({ id }) => before.get(id)?.status === 'failed');
  const idsOf = (results: Result[]) =>
    results.flatMap((result) => (result.kind === 'sent' ? [result.providerId, result.whatsappId] : [])).filter((id) => id != null);
  const named = await messagesNamed(transaction, [...new Set(failed.flatMap(({ results }) => idsOf(results)))]);
  const isSame = (id: number, name: string) => named.get(name)?.message === id && named.get(name)?.current === true;
  return new Set(failed.filter(({ id, results }) => idsOf(results).some((name) => isSame(id, name))).map(({ id }) => id));
}
