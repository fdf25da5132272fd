import type { Kysely } from 'kysely';
import type { Result } from '../../ports.ts';
import { chunks } from './chunks.ts';
import { lockCampaign, moveCounters } from './counters.ts';
import type { Database, SqlDialect } from './database.ts';
import { refusesValue } from './database-errors.ts';
import { locked, ofCampaign } from './dialect.ts';
import { keepProviderIds } from './provider-ids.ts';
import { changeAfter, type Fit } from './row-change.ts';
import { plainText, storedText } from './stored-text.ts';
import { toStored } from './stored-time.ts';
import type { Schema } from './table-types.ts';
import { inRepeatableTransaction } from './transaction.ts';
import { updateMessages } from './update-messages.ts';

/**
 * Writes results and moves the campaign's counters, in one transaction. Which rows change is read under lock first, so that the counters
 * move by exactly these, however often the same results arrive. Both ids of what was accepted are kept with it. Texts that the database refuses are written short and in ASCII instead:
 * an outcome must not be lost for the sake of its wording.
 */
export async function record(database: Database, campaign: number, results: readonly Result[]): Promise<void> {
  if (results.length === 0) return;
  const rows = byRow(results);
  const write = (text: Fit['text']) => writeRows(database, { campaign, rows, text, results });
  try {
    await write(storedText);
  } catch (error) {
    if (!refusesValue(error)) throw error;
    await write(plainText);
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
  text: Fit['text'];
  /** As they came: both ids of what was accepted are kept. */
  results: readonly Result[];
}

function writeRows(database: Database, { campaign, rows, text, results }: Writing): Promise<void> {
  const { dialect } = database;
  return inRepeatableTransaction(database, async (transaction) => {
    await lockCampaign(transaction, dialect, campaign);
    const now = database.stamp();
    const moved = { sent: 0, failed: 0 };
    for (const some of chunks(rows)) {
      const { statuses, counted } = await lockStatuses(transaction, { dialect, campaign, ids: some.map(({ id }) => id) });
      const changes = some.flatMap(({ id, results }) => {
        const change = changeAfter({ id, status: statuses.get(id), results, fit: { text, time: (at) => toStored(at, dialect) } });
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
    if (moved.sent !== 0 || moved.failed !== 0) await moveCounters(transaction, dialect, { by: { campaign, ...moved }, now });
  });
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
