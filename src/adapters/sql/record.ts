import type { Kysely } from 'kysely';
import type { EpochMs } from '../../core/units.ts';
import type { Result } from '../../ports.ts';
import { type AliasContext, link, linksOf } from './aliases.ts';
import { chunks } from './chunks.ts';
import { lockCampaign, moveCounters } from './counters.ts';
import type { Database, SqlDialect } from './database.ts';
import { refusesValue } from './database-errors.ts';
import { locked, ofCampaign } from './dialect.ts';
import { keepProviderIds } from './provider-ids.ts';
import { type Fitting, fitted, fittedPlainly, type Rooms, roomsOf } from './room.ts';
import { changeAfter } from './row-change.ts';
import { toStored } from './stored-time.ts';
import type { Schema } from './table-types.ts';
import { inRepeatableTransaction } from './transaction.ts';
import { updateMessages } from './update-messages.ts';

/**
 * Writes results and moves the campaign's counters, in one transaction. Which rows change is read under lock first, so that the counters
 * move by exactly these, however often the same results arrive. Both ids of what was accepted are kept with it. Texts are cut to their columns, and
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
    for (const some of chunks(rows)) {
      const { statuses, counted } = await lockStatuses(transaction, { dialect, campaign, ids: some.map(({ id }) => id) });
      const changes = some.flatMap(({ id, results }) => {
        const change = changeAfter({ id, status: statuses.get(id), results, fit });
        return change === undefined ? [] : [change];
      });
      for (const { id, status } of changes.filter(({ id }) => counted.has(id))) {
        if (status === 'sent') moved.sent++;
        if (status === 'failed') moved.failed++;
        if (statuses.get(id) === 'failed') moved.failed--;
      }
      await updateMessages(transaction, dialect, changes, now);
    }
    await keepProviderIds(transaction, dialect, results);
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

/** The statuses of these rows, and which of them the campaign's counters count: its Message 1. */
async function lockStatuses(transaction: Kysely<Schema>, { dialect, campaign, ids }: Rows) {
  const query = transaction
    .selectFrom('messages')
    .select(['id', 'status', 'message_type'])
    .where('id', 'in', ids)
    .where(ofCampaign(dialect, campaign))
    .orderBy('id');
  const rows = await locked(dialect, query).execute();
  return {
    statuses: new Map(rows.map(({ id, status }) => [Number(id), status])),
    counted: new Set(rows.flatMap(({ id, message_type }) => (message_type === 'message_1' ? [Number(id)] : []))),
  };
}
