import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/adapters/clock.ts';
import { type Database, openDatabase } from '../../../src/adapters/sql/database.ts';
import { databaseLock } from '../../../src/adapters/sql/database-lock.ts';
import { mysqlSession } from '../../../src/adapters/sql/mysql-session.ts';
import { postgresSession } from '../../../src/adapters/sql/postgres-session.ts';
import type { Timing } from '../../../src/adapters/sql/session-lock.ts';
import { DatabaseUnreachable, HeldElsewhere } from '../../../src/errors.ts';
import type { DatabaseLock } from '../../../src/ports.ts';
import { freshDatabase, isAvailable, type TestDatabase } from '../../support/databases.ts';
import { type TcpProxy, tcpProxy } from './tcp-proxy.ts';

const OWNER = { token: 't', host: 'höst-1', machine: 'm', boot: 'b', namespace: 'n', pid: 4711, startedAt: 0, birth: '' };
const QUICK: Timing = { beatEvery: 50, goodFor: 60_000, silentFor: 60_000, vanishWithin: 300, patience: 20_000 };
const DEADLINES = { connectMs: 500, statementMs: 700, closeMs: 500 };

for (const dialect of ['postgres', 'mysql'] as const) {
  const server = dialect === 'postgres' ? 'PostgreSQL' : 'MySQL';
  describe.runIf(isAvailable(dialect))(`a campaign and its line, locked in ${server}`, () => {
    let beside: TestDatabase;
    let proxy: TcpProxy;
    let direct: Database;
    let proxied: Database;
    const taken: DatabaseLock[] = [];

    beforeAll(async () => {
      beside = await freshDatabase(dialect);
      proxy = await tcpProxy(beside.url);
      direct = await openDatabase(beside.url, { deadlines: DEADLINES });
      proxied = await openDatabase(proxy.url, { deadlines: DEADLINES });
    });
    afterEach(async () => {
      await proxy.set('up');
      await Promise.all(taken.splice(0).map((lock) => lock.release()));
    });
    afterAll(async () => {
      await direct?.close();
      await proxied?.close();
      await proxy?.close();
      await beside?.drop();
    });

    const take = async (campaign: number, line: string, database = direct, timing: Partial<Timing> = {}) => {
      const lock = await databaseLock(database, { campaign, type: 'message_1', line, owner: OWNER }, systemClock, { ...QUICK, ...timing });
      taken.push(lock);
      return lock;
    };
    const isGood = (lock: DatabaseLock) => lock.goodUntil() > Date.now();
    /** The connection that holds the campaign's lock, or 0. */
    const connectionOf = async (campaign: number): Promise<number> => {
      const [row] = await beside.query(
        dialect === 'postgres'
          ? `select pid as id from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`
          : `select is_used_lock('wsend:${new URL(beside.url).pathname.slice(1)}:campaign:${campaign}') as id`,
      );
      return Number(row?.id ?? 0);
    };
    const refusal = (wish: Promise<unknown>) => wish.catch((error: unknown) => error) as Promise<HeldElsewhere>;

    it('are held by one run at a time, and the other is told who has which', async () => {
      const lock = await take(42, 'line-a');
      expect(isGood(lock)).toBe(true);
      const campaign = await refusal(take(42, 'line-b'));
      expect(campaign).toBeInstanceOf(HeldElsewhere);
      expect(campaign.message).toMatch(
        new RegExp(`^campaign 42 is held in ${server} at \\S+ by another run, perhaps from another folder or machine \\(.+\\)$`),
      );
      if (dialect === 'postgres') expect(campaign.message).toContain('(wsend 4711@h?st-1)');
      else expect(campaign.message).toMatch(/\(connection \d+ from \S+\)$/);
      expect((await refusal(take(43, 'line-a'))).message).toMatch(/^the line is held in /);
    });

    it('are taken both or none', async () => {
      await take(42, 'line-a');
      await refusal(take(43, 'line-a'));
      await refusal(take(42, 'line-b'));
      const [beside43, besideB] = [await take(43, 'line-c'), await take(44, 'line-b')];
      expect([isGood(beside43), isGood(besideB)]).toEqual([true, true]);
    });

    it('are free again at once when they are released, and another database is none of theirs', async () => {
      for (let i = 0; i < 3; i++) await (await take(42, 'line-a', direct, { vanishWithin: 0 })).release();
      await take(42, 'line-a');
      const other = await freshDatabase(dialect);
      const elsewhere = await openDatabase(other.url);
      const lock = await take(42, 'line-a', elsewhere);
      expect(isGood(lock)).toBe(true);
      await lock.release();
      await elsewhere.close();
      await other.drop();
    });

    it('may have names of any length and script', async () => {
      const [campaign, line] = [2 ** 52 + 1, `líne-${'x'.repeat(200)}`];
      const lock = await take(campaign, line);
      expect((await refusal(take(campaign, 'other'))).name).toBe('HeldElsewhere');
      expect((await refusal(take(7, line))).name).toBe('HeldElsewhere');
      expect(isGood(lock)).toBe(true);
    });

    it('of two that ask in the same moment go to one', async () => {
      for (let i = 0; i < 5; i++) {
        const answers = await Promise.all([refusal(take(42, 'line-a')), refusal(take(42, 'line-a'))]);
        expect(answers.filter((answer) => answer instanceof HeldElsewhere)).toHaveLength(1);
        await Promise.all(taken.splice(0).map((lock) => lock.release()));
      }
    });

    if (dialect === 'postgres') {
      it('stay held while nothing happens, whatever the server does to idle connections', async () => {
        const name = new URL(beside.url).pathname.slice(1);
        await beside.query(`alter database ${name} set idle_in_transaction_session_timeout = 100`);
        try {
          const lock = await take(42, 'line-a', direct, { beatEvery: 60_000 });
          await sleep(700);
          expect((await refusal(take(42, 'line-b'))).name).toBe('HeldElsewhere');
          expect([isGood(lock), lock.lost.aborted]).toEqual([true, false]);
        } finally {
          await beside.query(`alter database ${name} reset idle_in_transaction_session_timeout`);
        }
      });
    }

    it('are good only as long as the server was heard lately', async () => {
      const lock = await take(42, 'line-a', direct, { goodFor: 5_000 });
      const first = lock.goodUntil();
      expect(first).toBeLessThanOrEqual(Date.now() + 5_000);
      await until(() => lock.goodUntil() > first);
    });

    it('are taken again when the connection breaks', async () => {
      const lock = await take(42, 'line-a', proxied);
      await proxy.set('down');
      await until(() => !isGood(lock));
      await sleep(700);
      expect(lock.lost.aborted).toBe(false);
      await proxy.set('up');
      await until(() => isGood(lock));
      expect((await refusal(take(42, 'line-b'))).name).toBe('HeldElsewhere');
    });

    it('are taken again when the server falls silent, or an administrator ends the connection', async () => {
      const lock = await take(42, 'line-a', proxied);
      await proxy.set('silent');
      await until(() => !isGood(lock));
      await proxy.set('up');
      await until(() => isGood(lock));
      const before = await connectionOf(42);
      await beside.query(dialect === 'postgres' ? `select pg_terminate_backend(${before})` : `kill ${before}`);
      while ([0, before].includes(await connectionOf(42))) await sleep(25);
      await until(() => isGood(lock));
      expect((await refusal(take(42, 'line-b'))).name).toBe('HeldElsewhere');
    });

    it('are lost for good when another run takes them while the connection is broken', async () => {
      const lock = await take(42, 'line-a', proxied);
      await proxy.set('down');
      const other = await take(42, 'line-b', direct, { vanishWithin: 3_000 });
      await proxy.set('up');
      await until(() => lock.lost.aborted);
      expect(lock.lost.reason).toBeInstanceOf(HeldElsewhere);
      expect([isGood(lock), isGood(other)]).toEqual([false, true]);
    });

    it('are lost for good when the server stays away', async () => {
      const lock = await take(42, 'line-a', proxied, { patience: 1_000 });
      await proxy.set('down');
      await until(() => lock.lost.aborted);
      expect(lock.lost.reason).toBeInstanceOf(DatabaseUnreachable);
      expect((lock.lost.reason as Error).message).toMatch(new RegExp(`^cannot reach ${server} at `));
    });

    it('of a run that gives no sign of life any more are taken over', async () => {
      const open = dialect === 'postgres' ? postgresSession : mysqlSession;
      const address = new URL(beside.url);
      const silent = await open({ address, deadlines: DEADLINES, who: 'suspended', campaign: '42', line: 'line-a' });
      const gone = new Promise<void>((resolve) => silent.onGone(resolve));
      expect(await silent.take()).toBeNull();
      expect((await refusal(take(42, 'line-a'))).name).toBe('HeldElsewhere');
      const lock = await take(42, 'line-a', direct, { silentFor: 1_500, vanishWithin: 10_000 });
      await gone;
      expect(isGood(lock)).toBe(true);
      await expect(silent.beat()).rejects.toThrow();
    });

    it('cannot be taken when the server is away', async () => {
      await proxy.set('down');
      expect(await refusal(take(42, 'line-a', proxied))).toBeInstanceOf(DatabaseUnreachable);
    });
  });
}

describe('a campaign in an SQLite database', () => {
  it('is locked by its checkpoint alone', async () => {
    const about = { dialect: 'sqlite', name: 'a file', address: null, deadlines: DEADLINES, stamp: () => '' } as const;
    const lock = await databaseLock(about, { campaign: 1, type: 'message_1', line: 'l', owner: OWNER }, systemClock);
    expect([lock.goodUntil(), lock.lost.aborted]).toEqual([Number.POSITIVE_INFINITY, false]);
    await lock.release();
  });
});

async function until(is: () => boolean): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (is()) return;
    await sleep(25);
  }
  throw new Error('it never came');
}
