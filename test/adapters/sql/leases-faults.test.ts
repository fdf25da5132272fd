import { afterEach, describe, expect, it } from 'vitest';
import { leases } from '../../../src/adapters/sql/leases/sql-leases.ts';
import { describeDatabaseError } from '../../../src/adapters/sql/open/database-errors.ts';
import { type Database, openDatabase } from '../../../src/adapters/sql/open/sql-database.ts';
import { inTransaction } from '../../../src/adapters/sql/open/transaction.ts';
import { migrateOwnTables } from '../../../src/adapters/sql/tables/own-tables.ts';
import type { Owner } from '../../../src/core/checkpoint.ts';
import { DatabaseUnreachable, LeaseLost, UsageError } from '../../../src/errors.ts';
import { freshDatabase, isAvailable, type TestDatabase } from '../../support/databases.ts';
import { limitedUser } from '../../support/limited-user.ts';
import { tcpProxy } from './tcp-proxy.ts';

const NAME = 'campaign:42:message_1';
const QUICK = { connectMs: 400, statementMs: 700, closeMs: 200 };
const owner = (pid: number): Owner => ({
  ...{ token: `t${pid}`, host: `host-${pid}`, machine: 'm', boot: 'b', namespace: 'n', pid, startedAt: 0, birth: '' },
});

/** Between two statements of a process that was suspended, in milliseconds: longer than the servers wait. */
const SUSPENDED_FOR = 12_000;

let beside: TestDatabase | undefined;
const opened: Database[] = [];
async function open(url: string, opening = {}): Promise<Database> {
  const database = await openDatabase(url, opening);
  opened.push(database);
  return database;
}
afterEach(async () => {
  for (const database of opened.splice(0)) await database.close();
  await beside?.drop();
  beside = undefined;
});

describe.each((['sqlite', 'postgres', 'mysql'] as const).filter(isAvailable))('leases on %s', (dialect) => {
  it("where wsend has made no tables yet are nobody's, are not made by looking, and cannot be taken", async () => {
    beside = await freshDatabase(dialect);
    const { take, look, ask } = leases(await open(beside.url));
    expect([await look([NAME]), await look([]), await ask(NAME, 'pause')]).toEqual([new Map(), new Map(), false]);
    await expect(take([NAME], owner(1), [])).rejects.toThrow(UsageError);
    await expect(beside.query('select * from wsend_leases')).rejects.toThrow();
  });
});

describe.each((['postgres', 'mysql'] as const).filter(isAvailable))('leases on %s', (dialect) => {
  it('are seen by a user who may only read', async () => {
    beside = await freshDatabase(dialect);
    const database = await open(beside.url);
    await migrateOwnTables(database);
    await leases(database).take([NAME], owner(1), []);
    const user = await limitedUser(dialect, beside);
    const reader = await open(user.url);
    expect((await leases(reader).look([NAME])).get(NAME)?.owner).toEqual(owner(1));
    await expect(leases(reader).take([NAME], owner(2), [])).rejects.toThrow(/denied/);
    await reader.close();
    opened.splice(opened.indexOf(reader), 1);
    await user.drop();
  });

  it('are prolonged when the database is back, unless another has had them meanwhile', async () => {
    beside = await freshDatabase(dialect);
    const proxy = await tcpProxy(beside.url);
    try {
      const here = await open(proxy.url, { deadlines: QUICK });
      const elsewhere = leases(await open(beside.url));
      await migrateOwnTables(here);
      const answer = await leases(here).take([NAME], owner(1), []);
      if (!('lease' in answer)) throw new Error('it is held');
      for (const state of ['down', 'silent'] as const) {
        await proxy.set(state);
        for (let i = 0; i < 3; i += 1) await expect(answer.lease.prolong()).rejects.toThrow(DatabaseUnreachable);
        await beside.query('update wsend_leases set expires_at = 0');
        await proxy.set('up');
        await expect.poll(() => answer.lease.prolong().catch(() => 'unreachable'), { timeout: 10_000 }).toEqual([]);
        expect(await elsewhere.take([NAME], owner(2), [])).toEqual({ heldBy: owner(1), name: NAME });
      }

      await proxy.set('down');
      await expect(answer.lease.release()).rejects.toThrow(DatabaseUnreachable);
      await beside.query('update wsend_leases set expires_at = 0');
      const taken = await elsewhere.take([NAME], owner(2), []);
      if ('lease' in taken) await taken.lease.release();
      await proxy.set('up');
      const lost = await answer.lease.prolong().catch((error) => error);
      expect(lost).toBeInstanceOf(LeaseLost);
      expect(lost).toMatchObject({ exitCode: 7, message: 'campaign 42 was taken over by another run; nothing more is sent' });
    } finally {
      await proxy.close();
    }
  });
});

it.runIf(isAvailable('postgres') || isAvailable('mysql'))(
  'a lease is not kept from others by a process that is suspended in the middle of a transaction',
  async () => {
    const kept = async (dialect: 'postgres' | 'mysql') => {
      const fresh = await freshDatabase(dialect);
      const [suspended, other] = [await openDatabase(fresh.url), await openDatabase(fresh.url)];
      await migrateOwnTables(suspended);
      await leases(suspended).take([NAME], owner(1), []);
      let taking: Promise<number> | undefined;
      const ending = inTransaction(suspended, async (transaction) => {
        await transaction.updateTable('wsend_leases').set({ asked: null, expires_at: 0 }).execute();
        const began = performance.now();
        taking = leases(other)
          .take([NAME], owner(2), [owner(1).token])
          .then(() => performance.now() - began);
        await new Promise((resolve) => setTimeout(resolve, SUSPENDED_FOR));
        await transaction.updateTable('wsend_leases').set({ asked: null }).execute();
      }).catch((error) => describeDatabaseError(error, 'it', 'open'));
      expect(await ending).toBeInstanceOf(DatabaseUnreachable);
      expect(await taking).toBeLessThan(SUSPENDED_FOR - 500);
      for (const database of [suspended, other]) await database.close();
      await fresh.drop();
    };
    await Promise.all((['postgres', 'mysql'] as const).filter(isAvailable).map(kept));
  },
);
