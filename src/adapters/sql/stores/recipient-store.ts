import { setImmediate } from 'node:timers/promises';
import type { MessageType, Recipient } from '../../../core/campaign.ts';
import type { Settled } from '../../../core/checkpoint.ts';
import type { RecipientStore } from '../../../ports/campaign-store.ts';
import { withDatabaseErrors } from '../open/database-errors.ts';
import type { Database } from '../open/sql-database.ts';
import { chunks } from '../tables/chunks.ts';
import { asRecipients, asSettled, hasStatus, messageRows, onLines, placedRows, rowsAfter, TAKEN } from '../tables/message-rows.ts';
import { latestAccepted } from './latest-accepted.ts';
import { preparable, prepare } from './prepare-rows.ts';
import { record } from './record.ts';
import { retryFailed } from './retry-failed.ts';

/** The recipients of Message 1 (or of Message 2 on some `lines`) in the operator's database. Every call rejects with DatabaseUnreachable when the database does not answer. */
export function recipientStore(database: Database, type: MessageType = 'message_1', lines?: string[]): RecipientStore {
  const { db } = database;
  return {
    pending: (campaign, after, limit) =>
      withDatabaseErrors(database, async () =>
        asRecipients(database, (await rowsAfter(database, { campaign, type, lines }, { after })).limit(limit)),
      ),

    peopleIn: async (campaign, status, after, { limit, texts = false }) => {
      // Between pages timers and signals have their turn, for SQLite itself never waits.
      await setImmediate();
      return withDatabaseErrors(database, async () =>
        placedRows(database, { status, texts }, (await rowsAfter(database, { campaign, type }, { after, status })).limit(limit)),
      );
    },

    has: (campaign, message) =>
      withDatabaseErrors(database, async () => {
        const rows = messageRows(db, campaign, type).select('id');
        return (await (message === null ? rows : rows.where('id', '=', message)).limit(1).executeTakeFirst()) !== undefined;
      }),

    stillPending: (campaign, messages) =>
      withDatabaseErrors(database, async () => {
        const found: Recipient[] = [];
        const pending = messageRows(db, campaign, type).where(onLines(lines)).where(hasStatus(database.dialect, 'pending'));
        const inOrder = [...new Set(messages)].sort((a, b) => a - b);
        for (const some of chunks(inOrder)) found.push(...(await asRecipients(database, pending.where('id', 'in', some))));
        return found;
      }),

    settled: (campaign, messages) =>
      withDatabaseErrors(database, async () => {
        const found: Settled[] = [];
        const rows = messageRows(db, campaign, type).where(hasStatus(database.dialect, ...TAKEN, 'failed'));
        for (const some of chunks([...new Set(messages)])) found.push(...(await asSettled(rows.where('id', 'in', some))));
        return found;
      }),

    latestAccepted: (campaign) => withDatabaseErrors(database, () => latestAccepted(database, campaign)),
    record: (campaign, results) => withDatabaseErrors(database, () => record(database, campaign, results)),
    prepare: (campaign, render, check) => withDatabaseErrors(database, () => prepare(database, campaign, { render, check })),
    preparable: (campaign, render) => withDatabaseErrors(database, () => preparable(database, campaign, render)),
    retryFailed: (campaign, except) => withDatabaseErrors(database, () => retryFailed(database, campaign, except)),
  };
}
