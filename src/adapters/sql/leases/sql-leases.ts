import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Owner } from '../../../core/checkpoint.ts';
import { lostLease } from '../../../core/lost-lease.ts';
import { LeaseLost, UsageError } from '../../../errors.ts';
import { type Before, LEASE_LIFE, type Lease, type Leases, type Wish } from '../../../ports/leases.ts';
import { withDatabaseErrors } from '../open/database-errors.ts';
import { serverNow } from '../open/dialect.ts';
import type { Database } from '../open/sql-database.ts';
import { inRepeatableTransaction } from '../open/transaction.ts';
import { hasOwnTables } from '../tables/own-tables.ts';
import { holderOf, type LeaseRow, lockedRows, NOBODYS } from './lease-rows.ts';
import { takeLeases } from './take-leases.ts';

/**
 * Leases in the campaign's database, in a table that `migrateOwnTables` makes. Every call is one short transaction of its own on whichever connection
 * is free, so that it works behind any pooler, and may be repeated when its answer was lost.
 */
export function leases(database: Database): Leases {
  const { db, dialect } = database;
  return {
    take: (names, owner, dead) =>
      withDatabaseErrors(database, async () => {
        if (!(await hasOwnTables(database)))
          throw new UsageError(
            `${database.name} lacks the tables that wsend keeps for itself`,
            'wsend doctor --sql prints the SQL that makes them.',
          );
        const taken = await inRepeatableTransaction(database, (transaction) => takeLeases(transaction, dialect, { names, owner, dead }));
        return 'lease' in taken ? { lease: held(database, names, { ...taken.lease, token: owner.token }) } : taken;
      }),

    look: (names) =>
      withDatabaseErrors(database, async () => {
        if (names.length === 0 || !(await hasOwnTables(database))) return new Map();
        const rows = await db
          .selectFrom('wsend_leases')
          .selectAll()
          .select(serverNow(dialect).as('now'))
          .where('name', 'in', names)
          .where('epoch', '>', NOBODYS)
          .execute();
        return new Map(rows.map((row) => [row.name, { epoch: row.epoch, owner: holderOf(row, Number(row.now)) }]));
      }),

    ask: (name, wish) =>
      withDatabaseErrors(database, async () => {
        if (!(await hasOwnTables(database))) return false;
        const left = sql<number>`expires_at - ${serverNow(dialect)}`;
        const { numUpdatedRows } = await db
          .updateTable('wsend_leases')
          .set({ asked: `${wish} ${randomBytes(4).toString('hex')}` })
          .where('name', '=', name)
          .where('token', 'is not', null)
          .where(left, '>', 0)
          .where(left, '<=', LEASE_LIFE)
          .executeTakeFirstOrThrow();
        return numUpdatedRows > 0n;
      }),
  };
}

interface Grip {
  epoch: number;
  before: ReadonlyMap<string, Before>;
  token: string;
}

function held(database: Database, names: readonly string[], { epoch, before, token }: Grip): Lease {
  const { dialect } = database;
  const isOurs = (row: LeaseRow | undefined) => row?.token === token && row.epoch === epoch;
  /** Requests that were handed on already, by name. */
  const told = new Map<string, string>();
  return {
    names,
    epoch,
    before,

    // By token and epoch, whatever the clock says: as long as it was not taken, no other run can have sent.
    prolong: async () => {
      const rows = await withDatabaseErrors(database, () =>
        inRepeatableTransaction(database, async (transaction) => {
          const all = await lockedRows(transaction, dialect, names);
          for (const name of names) {
            const row = all.find((one) => one.name === name);
            if (!isOurs(row)) throw new LeaseLost(sentenceFor(name, epoch, row));
          }
          await transaction
            .updateTable('wsend_leases')
            .set({ expires_at: sql<number>`${serverNow(dialect)} + ${LEASE_LIFE}` })
            .where('name', 'in', names)
            .execute();
          // Taken away with the sign of life after the one that has told it: had it gone with that one, it would be lost with its answer.
          const heard = all.filter(({ name, asked }) => asked !== null && told.get(name) === asked).map(({ name }) => name);
          if (heard.length > 0) await transaction.updateTable('wsend_leases').set({ asked: null }).where('name', 'in', heard).execute();
          return all.filter(({ name, asked }) => asked !== null && !heard.includes(name));
        }),
      );
      for (const { name, asked } of rows) told.set(name, asked as string);
      return rows.map(({ name, asked }) => ({ name, wish: asked?.split(' ')[0] as Wish }));
    },

    // The row stays, with its epoch: it says what was before to the next. A run that is killed before this expires.
    release: () =>
      withDatabaseErrors(database, () =>
        inRepeatableTransaction(database, async (transaction) => {
          const ours = (await lockedRows(transaction, dialect, names)).filter(isOurs).map(({ name }) => name);
          if (ours.length === 0) return;
          await transaction.updateTable('wsend_leases').set({ token: null, owner: null, asked: null }).where('name', 'in', ours).execute();
        }),
      ),
  };
}

function sentenceFor(name: string, epoch: number, row: LeaseRow | undefined): string {
  const found = row && { epoch: row.epoch, owner: row.owner === null ? null : (JSON.parse(row.owner) as Owner) };
  return lostLease(name, epoch, found ?? null);
}
