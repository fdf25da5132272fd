import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../src/adapters/sql/open/sql-database.ts';
import { importStore } from '../../../src/adapters/sql/stores/import-store.ts';
import { recipientStore } from '../../../src/adapters/sql/stores/recipient-store.ts';
import { createMissingTables } from '../../../src/adapters/sql/tables/schema.ts';
import { DatabaseUnreachable, UsageError } from '../../../src/errors.ts';
import type { PlannedRecipient, Result } from '../../../src/ports/campaign-store.ts';
import { freshDatabase, isAvailable, type TestDatabase } from '../../support/databases.ts';
import { type TcpProxy, tcpProxy } from './tcp-proxy.ts';

const QUICK = { connectMs: 400, statementMs: 700, closeMs: 200 };

const BLOCKED = {
  postgres: `select pid as id from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  mysql: `select id from information_schema.processlist
    where db = database() and id <> connection_id() and info like 'select%for update' and time_ms > 30`,
};
const END = { postgres: (id: unknown) => `select pg_terminate_backend(${id})`, mysql: (id: unknown) => `kill ${id}` };

for (const dialect of ['postgres', 'mysql'] as const) {
  const server = dialect === 'postgres' ? 'PostgreSQL' : 'MySQL';
  describe.runIf(isAvailable(dialect))(`when ${server}`, () => {
    let beside: TestDatabase;
    let proxy: TcpProxy;
    let database: Database;
    let campaign: number;
    let rows: number[];

    beforeAll(async () => {
      beside = await freshDatabase(dialect);
      proxy = await tcpProxy(beside.url);
      database = await openDatabase(proxy.url, { deadlines: QUICK });
      await createMissingTables(database);
      const people = async function* (): AsyncGenerator<PlannedRecipient> {
        for (let i = 0; i < 60; i++) {
          yield { phone: `+2290196${100_000 + i}`, countryCode: '229', firstName: null, lastName: null, message1: 'Hello', message2: null };
        }
      };
      const plan = { name: 'n', message1: 'Hello', message2: null, fingerprint: 'f', recipients: people() };
      ({ campaign } = await importStore(database).createCampaign(plan));
      rows = (await recipientStore(database).pending(campaign, 0, 100)).map(({ message }) => message);
    });
    afterAll(async () => {
      await database?.close();
      await proxy?.close();
      await beside?.drop();
    });

    const sent = (message: number): Result => ({ kind: 'sent', message, providerId: 'x', at: Date.now(), attempts: 1 });
    const take = (count: number) => rows.splice(0, count).map(sent);
    const sentRows = async () => Number((await beside.query(`select count(*) as n from messages where status = 'sent'`))[0]?.n);
    const counted = async () => Number((await beside.query(`select sent_count as n from campaigns where id = ${campaign}`))[0]?.n);

    it('is gone, that is said in one line, and the next call reaches it again', async () => {
      await proxy.set('down');
      const recipients = recipientStore(database);
      for (let i = 0; i < 5; i++) {
        const error = await recipients.pending(campaign, 0, 1).catch((e) => e);
        expect(error).toBeInstanceOf(DatabaseUnreachable);
        expect(error.message).toMatch(
          new RegExp(`^cannot reach ${server} at 127\\.0\\.0\\.1:\\d+ \\((connection refused|connection lost)\\)$`),
        );
      }
      await proxy.set('up');
      expect(await recipients.pending(campaign, 0, 1)).toHaveLength(1);
    });

    it('ends the connection in the middle of a write, nothing of it stays, and the same write again succeeds', async () => {
      const results = take(10);
      const before = await sentRows();
      const lock = await openDatabase(beside.url);
      let failure: Promise<unknown> | undefined;
      await lock.db.transaction().execute(async (transaction) => {
        await transaction
          .updateTable('messages')
          .set({ retry_count: 0 })
          .where('id', '=', results[9]?.message ?? 0)
          .execute();
        failure = recipientStore(database)
          .record(campaign, results)
          .catch((e) => e);
        const blocked = await until(() => beside.query(BLOCKED[dialect]));
        await beside.query(END[dialect](blocked.id));
        expect(await failure).toBeInstanceOf(DatabaseUnreachable);
      });
      await lock.close();
      expect(await sentRows()).toBe(before);
      await recipientStore(database).record(campaign, results);
      expect(await sentRows()).toBe(before + 10);
      expect(await counted()).toBe(before + 10);
    });

    it('stops answering, a call gives up in time, and is right again when it answers again', async () => {
      const results = take(5);
      const before = await sentRows();
      await proxy.set('silent');
      for (let i = 0; i < 3; i++) {
        const started = Date.now();
        const error = await recipientStore(database)
          .record(campaign, results)
          .catch((e) => e);
        expect(error).toBeInstanceOf(DatabaseUnreachable);
        expect(error.message).toMatch(/did not answer within 0\.7 s|\(no answer\)|\(connection lost\)/);
        expect(Date.now() - started).toBeLessThan(3_000);
      }
      await proxy.set('up');
      await until(async () => [
        await recipientStore(database)
          .record(campaign, results)
          .then(
            () => ({ id: 1 }),
            () => ({ id: undefined }),
          ),
      ]);
      expect(await sentRows()).toBe(before + 5);
      expect(await counted()).toBe(before + 5);
    });

    it('hangs, it can still be left', async () => {
      const other = await openDatabase(proxy.url, { deadlines: QUICK });
      await proxy.set('silent');
      const started = Date.now();
      await other.close();
      expect(Date.now() - started).toBeLessThan(1_500);
      await proxy.set('down');
      await proxy.set('up');
    });

    it('hangs while it is first connected to, that takes no longer than connecting may', async () => {
      await proxy.set('silent');
      const error = await openDatabase(proxy.url, { deadlines: QUICK }).catch((e) => e);
      expect(error).toBeInstanceOf(DatabaseUnreachable);
      expect(error.message).toMatch(/\(no answer\)$/);
      await proxy.set('down');
      await proxy.set('up');
    });

    it('ends an idle connection, this process lives on', async () => {
      const recipients = recipientStore(database);
      await recipients.pending(campaign, 0, 1);
      await proxy.set('down');
      await new Promise((resolve) => setTimeout(resolve, 50));
      await proxy.set('up');
      expect(await recipients.pending(campaign, 0, 1)).toHaveLength(1);
    });

    it('lets another program hold a row, a write waits for it and is then done', async () => {
      const [result] = take(1);
      const lock = await openDatabase(beside.url);
      const slow = await openDatabase(beside.url);
      let write: Promise<void> | undefined;
      await lock.db.transaction().execute(async (transaction) => {
        await transaction
          .updateTable('messages')
          .set({ retry_count: 0 })
          .where('id', '=', result?.message ?? 0)
          .execute();
        write = recipientStore(slow).record(campaign, [result as Result]);
        await until(() => beside.query(BLOCKED[dialect]));
      });
      await write;
      expect(await beside.query(`select status from messages where id = ${result?.message}`)).toEqual([{ status: 'sent' }]);
      await Promise.all([lock.close(), slow.close()]);
    });

    it('refuses the user or the database, that is a matter of configuration, and no password is shown', async () => {
      const wrongDatabase = new URL(beside.url);
      wrongDatabase.pathname = '/wsend_test_no_such_database';
      await expect(openDatabase(wrongDatabase.href)).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringMatching(/has no database of that name$/),
      });
      const wrongUser = new URL(beside.url);
      wrongUser.username = 'wsend_nobody';
      wrongUser.password = 'hunter2-secret';
      const error = await openDatabase(wrongUser.href).catch((e) => e);
      expect(error).toBeInstanceOf(UsageError);
      expect(error.message).toMatch(/refuses this user/);
      expect(error.message + error.next).not.toMatch(/hunter2|secret/);
    });
  });
}

async function until(look: () => Promise<Record<string, unknown>[]>): Promise<Record<string, unknown>> {
  for (let i = 0; i < 200; i++) {
    const [row] = await look();
    if (row?.id !== undefined) return row;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('it never came');
}
