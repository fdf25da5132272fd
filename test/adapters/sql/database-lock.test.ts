import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/adapters/clock.ts';
import { type Database, openDatabase } from '../../../src/adapters/sql/database.ts';
import { databaseLock, type Wish } from '../../../src/adapters/sql/database-lock.ts';
import { mysqlSession } from '../../../src/adapters/sql/mysql-session.ts';
import { postgresSession } from '../../../src/adapters/sql/postgres-session.ts';
import { runsElsewhere } from '../../../src/adapters/sql/runs-elsewhere.ts';
import type { Timing } from '../../../src/adapters/sql/session-lock.ts';
import { DatabaseUnreachable, HeldElsewhere } from '../../../src/errors.ts';
import type { DatabaseLock } from '../../../src/ports.ts';
import { freshDatabase, isAvailable, type TestDatabase } from '../../support/databases.ts';
import { type TcpProxy, tcpProxy } from './tcp-proxy.ts';

const OWNER = { token: 't', host: 'höst-1', machine: 'm', boot: 'b', namespace: 'n', pid: 4711, startedAt: 0, birth: '' };
const NAMES = { campaign: '42', line: 'line-a', otherLine: 'line-a of message 2', store: 'one' };
const QUICK: Timing = { beatEvery: 50, goodFor: 60_000, silentFor: 60_000, vanishWithin: 300, message2Within: 1_500, patience: 20_000 };
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

    const takeFor = async (wish: Partial<Wish>, database = direct, timing: Partial<Timing> = {}) => {
      const whole = { campaign: 42, type: 'message_1', line: 'line-a', owner: OWNER, store: 'one', ...wish } as const;
      const lock = await databaseLock(database, whole, systemClock, { ...QUICK, ...timing });
      taken.push(lock);
      return lock;
    };
    const take = (campaign: number, line: string, database = direct, timing: Partial<Timing> = {}) =>
      takeFor({ campaign, line }, database, timing);
    const takeOvers = (lock: DatabaseLock) => {
      const at: number[] = [];
      lock.onTakeOver((moment) => at.push(moment));
      return at;
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
      const silent = await open({ address, deadlines: DEADLINES, who: 'suspended', ...NAMES });
      const gone = new Promise<void>((resolve) => silent.onGone(resolve));
      expect(await silent.take()).toBeNull();
      expect((await refusal(take(42, 'line-a'))).name).toBe('HeldElsewhere');
      const lock = await take(42, 'line-a', direct, { silentFor: 1_500, vanishWithin: 10_000 });
      await gone;
      expect(isGood(lock)).toBe(true);
      await expect(silent.beat()).rejects.toThrow();
    });

    it('of a line are for both messages where they share a checkpoint store, which lends it', async () => {
      const run = await takeFor({});
      const listener = await takeFor({ type: 'message_2' });
      expect([isGood(run), isGood(listener)]).toEqual([true, true]);
      await run.release();
      expect(isGood(await takeFor({ campaign: 43 }))).toBe(true);
    });

    it('of a line are not for a Message 2 whose checkpoint is elsewhere, while a run has it', async () => {
      const run = await takeFor({});
      const { message, next } = await refusal(takeFor({ campaign: 7, type: 'message_2', store: 'two' }));
      expect(message).toMatch(new RegExp(`^the line is held in ${server} at \\S+ by a run that keeps its checkpoint elsewhere \\(.+\\)$`));
      expect(next).toContain('the same folder');
      expect(isGood(await takeFor({ campaign: 7, type: 'message_2', store: 'two', line: 'line-b' }))).toBe(true);
      await run.release();
      expect(isGood(await takeFor({ campaign: 8, type: 'message_2', store: 'two' }))).toBe(true);
    });

    it('are waited for by a run while a Message 2 whose checkpoint is elsewhere has the line, and no further one passes', async () => {
      const listener = await takeFor({ campaign: 7, type: 'message_2', store: 'two' });
      const begin = Date.now();
      expect((await refusal(takeFor({}))).message).toContain('by a listener that keeps its checkpoint elsewhere');
      expect(Date.now() - begin).toBeGreaterThanOrEqual(1_500);
      const waiting = takeFor({}, direct, { message2Within: 20_000 });
      await sleep(200);
      await listener.release();
      const next = refusal(takeFor({ campaign: 7, type: 'message_2', store: 'two' }));
      expect(isGood(await waiting)).toBe(true);
      expect(await next).toBeInstanceOf(HeldElsewhere);
    });

    it('of a line go to one of two, when a run and a Message 2 with checkpoints apart ask in the same moment', async () => {
      for (let i = 0; i < 10; i++) {
        const message2 = { campaign: 7, type: 'message_2', store: 'two' } as const;
        const answers = await Promise.all([refusal(takeFor({})), refusal(takeFor(message2))]);
        expect(answers.filter((answer) => answer instanceof HeldElsewhere)).toHaveLength(1);
        await Promise.all(taken.splice(0).map((lock) => lock.release()));
      }
    });

    it('say when the line comes from others, whose last start our checkpoint does not know', async () => {
      const line = 'line-of-several';
      const first = await takeFor({ line });
      expect(takeOvers(first)).toEqual([]);
      await first.release();
      const begin = Date.now();
      const second = await takeFor({ line, type: 'message_2', store: 'two' });
      const [at] = takeOvers(second);
      expect(at).toBeGreaterThanOrEqual(begin);
      await second.release();
      const third = await takeFor({ line, campaign: 9, store: 'two' });
      expect(takeOvers(third)).toEqual([]);
      await third.release();
      expect(takeOvers(await takeFor({ line }))).toHaveLength(1);
    });

    it('are taken again after a break once a Message 2 that has the line meanwhile is done, and this is said', async () => {
      const run = await takeFor({}, proxied, { message2Within: 20_000 });
      const told = takeOvers(run);
      const earlier = told.length;
      await proxy.set('down');
      const listener = await takeFor({ campaign: 7, type: 'message_2', store: 'two' }, direct, { vanishWithin: 3_000 });
      await proxy.set('up');
      await sleep(1_500);
      expect([isGood(run), run.lost.aborted, isGood(listener)]).toEqual([false, false, true]);
      const before = Date.now();
      await listener.release();
      await until(() => isGood(run));
      expect(told).toHaveLength(earlier + 1);
      expect(told.at(-1)).toBeGreaterThanOrEqual(before);
    });

    it('are lost for good by a Message 2 when a run has the line after a break', async () => {
      const listener = await takeFor({ campaign: 7, type: 'message_2', store: 'two' }, proxied);
      await proxy.set('down');
      const run = await takeFor({}, direct, { message2Within: 20_000 });
      await proxy.set('up');
      await until(() => listener.lost.aborted);
      expect([isGood(listener), isGood(run)]).toEqual([false, true]);
    });

    it('of a Message 2 that gives no sign of life any more are taken over by a run', async () => {
      const open = dialect === 'postgres' ? postgresSession : mysqlSession;
      const names = { campaign: '7 of message 2', line: 'line-a of message 2', otherLine: 'line-a', store: 'two' };
      const silent = await open({ address: new URL(beside.url), deadlines: DEADLINES, who: 'suspended', ...names });
      expect(await silent.take()).toBeNull();
      expect(isGood(await takeFor({}, direct, { silentFor: 1_500, message2Within: 20_000 }))).toBe(true);
      await expect(silent.beat()).rejects.toThrow();
    });

    it('are seen by others, who may ask the run to pause: for as long as they wait', async () => {
      const runs = await runsElsewhere(direct);
      expect(await runs.holderOf(42, 'message_1')).toBeNull();
      const lock = await take(42, 'line-a');
      let asked = 0;
      lock.onPauseRequest(() => {
        asked += 1;
      });
      expect(await runs.holderOf(42, 'message_1')).toMatch(dialect === 'postgres' ? /^wsend 4711@h/ : /^connection \d+ from /);
      expect([await runs.holderOf(42, 'message_2'), await runs.holderOf(4, 'message_1')]).toEqual([null, null]);
      await runs.askingToPause(43, () => sleep(300));
      expect(asked).toBe(0);
      // Of two who ask, the one that goes first takes nothing from the other.
      const first = runs.askingToPause(42, () => sleep(100));
      await runs.askingToPause(42, () => until(() => asked > 0));
      await first;
      await sleep(200);
      const before = asked;
      await sleep(300);
      expect(asked).toBe(before);
      await lock.release();
      expect(await runs.holderOf(42, 'message_1')).toBeNull();
    });

    it('cannot be taken when the server is away', async () => {
      await proxy.set('down');
      expect(await refusal(take(42, 'line-a', proxied))).toBeInstanceOf(DatabaseUnreachable);
    });
  });
}

describe('a campaign in an SQLite database', () => {
  it('is locked by its checkpoint alone', async () => {
    const { url, drop } = await freshDatabase('sqlite');
    const database = await openDatabase(url);
    const lock = await databaseLock(database, { campaign: 1, type: 'message_1', line: 'l', owner: OWNER, store: '' }, systemClock);
    expect([lock.goodUntil(), lock.lost.aborted]).toEqual([Number.POSITIVE_INFINITY, false]);
    await lock.release();
    await database.close();
    await drop();
  });
});

async function until(is: () => boolean): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (is()) return;
    await sleep(25);
  }
  throw new Error('it never came');
}
