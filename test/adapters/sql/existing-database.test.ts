import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../src/adapters/sql/open/sql-database.ts';
import { importStore } from '../../../src/adapters/sql/stores/import-store.ts';
import { recipientStore } from '../../../src/adapters/sql/stores/recipient-store.ts';
import { campaignStore } from '../../../src/adapters/sql/stores/sql-campaign-store.ts';
import { migrateOwnTables } from '../../../src/adapters/sql/tables/own-tables.ts';
import { createMissingTables } from '../../../src/adapters/sql/tables/schema.ts';
import { REPLY_WINDOW } from '../../../src/core/campaign.ts';
import { freshDatabase, isAvailable, type TestDatabase, userWithoutCreate } from '../../support/databases.ts';
import { createExistingDatabase, describeTables, EXISTING } from '../../support/existing-database.ts';

for (const dialect of ['sqlite', 'postgres', 'mysql'] as const) {
  describe.runIf(isAvailable(dialect))(`an operator's own database (${dialect})`, () => {
    let existing: TestDatabase;
    let database: Database;

    beforeAll(async () => {
      existing = await createExistingDatabase(dialect);
      database = await openDatabase(existing.url);
    });
    afterAll(async () => {
      await database?.close();
      await existing?.drop();
    });

    it('gives campaign 42 its recipients, is sent from, imported into, and its own tables are as before', async () => {
      const before = await describeTables(existing, dialect);
      await createMissingTables(database);
      const imports = importStore(database);
      expect(await imports.findImport('f')).toBeUndefined();
      expect((await tables(existing)).filter((table) => table.startsWith('wsend_'))).toEqual([]);
      await migrateOwnTables(database);
      const { campaign, recipients: count, unverified, refused, refusedEnding } = EXISTING;
      const campaigns = campaignStore(database);
      const recipients = recipientStore(database);
      expect((await campaigns.find(campaign))?.createdAt).toBe(Date.UTC(2026, 7, 20, 16, 45, 12));
      expect(await recipients.prepare(campaign, ({ first_name }) => `Hello ${first_name}`)).toEqual({
        made: count,
        unverified,
        duplicates: 0,
      });
      const page = await recipients.pending(campaign, 0, 100);
      expect(page.filter(({ phone }) => phone.endsWith(refusedEnding))).toHaveLength(refused.length);
      expect(page.filter(({ phone }) => !phone.startsWith('+')).length).toBeGreaterThan(0);
      expect(page.map(({ content }) => content)).toContain('Hello Dieudonné');
      await campaigns.setStatus(campaign, 'sending');
      const at = Date.now();
      await recipients.record(
        campaign,
        page.map(({ message, phone }) =>
          phone.endsWith(refusedEnding)
            ? { kind: 'failed', message, code: 'phone:invalid', reason: 'not on WhatsApp', at, attempts: 1, providerId: null }
            : { kind: 'sent', message, providerId: `p${message}`, at, attempts: 1 },
        ),
      );
      await campaigns.setStatus(campaign, 'completed');
      const [row] = await existing.query(`select * from campaigns where id = ${campaign}`);
      expect(row).toMatchObject({
        status: 'completed',
        total_recipients: 24,
        sent_count: 21,
        success_count: 21,
        failed_count: 3,
        created_by: 1,
      });
      const person = { phone: '+2290196999999', countryCode: null, firstName: null, lastName: null, message1: 'Hi', message2: 'Bye' };
      const plan = {
        ...{ name: 'x', message1: 'Hi', message2: 'Bye', fingerprint: 'f' },
        recipients: (async function* () {
          yield person;
        })(),
      };
      expect(await imports.findImport('f')).toBeUndefined();
      const made = await imports.createCampaign(plan);
      expect(await imports.findImport('f')).toBe(made.campaign);
      expect(await describeTables(existing, dialect)).toEqual(before);
    });
  });

  describe.runIf(isAvailable(dialect))(`tables (${dialect})`, () => {
    let test: TestDatabase;
    let database: Database;
    const open = async (made: Promise<TestDatabase>) => {
      test = await made;
      database = await openDatabase(test.url);
    };
    afterEach(async () => {
      await database.close();
      await test.drop();
    });

    it('that are missing are created beside those that are there', async () => {
      await open(createExistingDatabase(dialect));
      await test.query('drop table interactions; drop table campaign_categories;');
      await createMissingTables(database);
      expect(await tables(test)).toEqual(expect.arrayContaining(['interactions', 'campaign_categories', 'users']));
      await test.query(`insert into interactions (campaign_id, contact_id, interaction_type) values (42, 1, 'reply')`);
      await expect(
        test.query(`insert into interactions (campaign_id, contact_id, interaction_type) values (42, 1, 'wave')`),
      ).rejects.toThrow();
    });

    it('are created once when several processes begin at the same moment', async () => {
      await open(freshDatabase(dialect));
      // Two connections to one SQLite file in one process would wait for each other; processes do not.
      const others = dialect === 'sqlite' ? [] : await Promise.all([1, 2, 3].map(() => openDatabase(test.url)));
      await Promise.all([database, ...others].map((each) => createMissingTables(each)));
      expect(await tables(test)).toHaveLength(7);
      for (const other of others) await other.close();
    });

    it('of an existing database that lack a column are refused, table and column named', async () => {
      await open(createExistingDatabase(dialect));
      await test.query('alter table messages drop column retry_count');
      await test.query('alter table contacts drop column last_name');
      await expect(createMissingTables(database)).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringMatching(/no such column: contacts\.last_name; no such column: messages\.retry_count$/),
      });
    });

    it('of an existing database may lack what wsend does not use, and have more', async () => {
      await open(createExistingDatabase(dialect));
      await test.query('alter table contacts drop column verified_at');
      await test.query('alter table campaigns drop column template_name');
      await test.query(`alter table messages add column cost decimal(10, 4)`);
      await createMissingTables(database);
      expect((await recipientStore(database).prepare(42, () => 'x')).made).toBe(24);
    });

    it('whose ids are no integers are refused', async () => {
      await open(freshDatabase(dialect));
      await test.query(`create table messages (id varchar(36) primary key, campaign_id int, contact_id int, message_type varchar(20), content text,
        status varchar(50), whatsapp_message_id varchar(255), error_message text, retry_count int, sent_at timestamp null, created_at timestamp null, updated_at timestamp null)`);
      await expect(createMissingTables(database)).rejects.toMatchObject({
        message: expect.stringMatching(/messages\.id is .*varying\(36\)|messages\.id is varchar\(36\)/),
      });
    });

    it('with a narrow error column in an old character set still take every outcome', async () => {
      await open(createExistingDatabase(dialect));
      const narrow: Record<typeof dialect, string> = {
        sqlite: 'create trigger narrow before update on messages when length(new.error_message) > 300 begin select 1; end',
        postgres: 'alter table messages alter column error_message type varchar(255)',
        mysql: 'alter table messages modify error_message varchar(255) character set latin1',
      };
      await test.query(narrow[dialect]);
      await migrateOwnTables(database);
      const recipients = recipientStore(database);
      await recipients.prepare(42, () => 'x');
      const [a, b] = await recipients.pending(42, 0, 2);
      const at = Date.now();
      await recipients.record(42, [
        { kind: 'failed', message: a?.message as number, code: 'x', reason: `🌍${'é'.repeat(900)}`, at, attempts: 1, providerId: null },
        { kind: 'sent', message: b?.message as number, providerId: 'p', at, attempts: 1 },
      ]);
      expect(await campaignStore(database).tally(42)).toMatchObject({ sent: 1, failed: 1 });
    });
  });
}

async function tables(database: TestDatabase): Promise<string[]> {
  const queries = {
    sqlite: `select name from sqlite_master where type = 'table' and name not like 'sqlite_%'`,
    postgres: `select tablename as name from pg_tables where schemaname = 'public'`,
    mysql: `select table_name as name from information_schema.tables where table_schema = database()`,
  };
  const scheme = new URL(database.url).protocol.replace(':', '') as keyof typeof queries;
  return (await database.query(queries[scheme])).map(({ name }) => String(name)).sort();
}

describe.runIf(isAvailable('postgres'))('a PostgreSQL user', () => {
  it('without the right to create uses what is there, and is told when something is missing', async () => {
    const test = await createExistingDatabase('postgres');
    const user = await userWithoutCreate(test);
    const database = await openDatabase(user.url);
    try {
      await createMissingTables(database);
      expect((await recipientStore(database).prepare(42, () => 'x')).made).toBe(24);
      await test.query('drop table interactions');
      await expect(createMissingTables(database)).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringMatching(/permission denied/),
      });
      await test.query(`revoke update on messages from ${user.role}`);
      const error = await recipientStore(database)
        .retryFailed(41)
        .catch((e) => e);
      expect(error).toMatchObject({
        name: 'InfrastructureError',
        message: expect.stringMatching(/refused: permission denied for table messages/),
      });
    } finally {
      await database.close();
      await user.drop();
      await test.drop();
    }
  });
});

describe.runIf(isAvailable('postgres'))('times in a PostgreSQL database set to another zone', () => {
  it.each(['timestamp', 'timestamptz'])('are written and read as UTC in columns of type %s', async (type) => {
    const test = await createExistingDatabase('postgres');
    const name = new URL(test.url).pathname.slice(1);
    await test.query(`alter database ${name} set timezone = 'Asia/Kolkata'`);
    await test.query(
      `alter table messages alter column sent_at type ${type} using null; alter table campaigns alter column created_at type ${type} using null`,
    );
    const database = await openDatabase(test.url);
    try {
      await migrateOwnTables(database);
      const recipients = recipientStore(database);
      const campaigns = campaignStore(database);
      await recipients.prepare(42, () => 'x');
      const [first] = await recipients.pending(42, 0, 1);
      const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
      await recipients.record(42, [{ kind: 'sent', message: first?.message as number, providerId: null, at, attempts: 1 }]);
      expect(await campaigns.awaitsReplies(42, at + REPLY_WINDOW - 1)).toBe(true);
      expect(await campaigns.awaitsReplies(42, at + REPLY_WINDOW)).toBe(false);
      const [stored] = await test.query(
        `select (${type === 'timestamptz' ? `sent_at at time zone 'UTC'` : 'sent_at'})::text as at from messages where id = ${first?.message}`,
      );
      expect(stored?.at).toBe('2026-01-02 03:04:05.678');
      const people = (async function* () {
        yield { phone: '+2290196999999', countryCode: null, firstName: null, lastName: null, message1: 'Hi', message2: null };
      })();
      const { campaign } = await importStore(database).createCampaign({
        name: 'x',
        message1: 'Hi',
        message2: null,
        fingerprint: 'f',
        recipients: people,
      });
      expect(Math.abs(((await campaigns.find(campaign))?.createdAt ?? 0) - Date.now())).toBeLessThan(60_000);
    } finally {
      await database.close();
      await test.drop();
    }
  });

  it('and statuses may be of an enumerated type', async () => {
    const test = await createExistingDatabase('postgres');
    await test.query(`create type message_status as enum ('pending', 'sent', 'delivered', 'read', 'failed');
      alter table messages drop constraint messages_status_check, alter column status drop default,
        alter column status type message_status using status::message_status, alter column status set default 'pending'`);
    const database = await openDatabase(test.url);
    try {
      await migrateOwnTables(database);
      const recipients = recipientStore(database);
      await recipients.prepare(42, () => 'x');
      const page = await recipients.pending(42, 0, 10);
      await recipients.record(
        42,
        page.map(({ message }) => ({ kind: 'failed', message, code: 'a', reason: 'b', at: 0, attempts: 1, providerId: null })),
      );
      expect(await recipients.retryFailed(42)).toEqual(page.map(({ message }) => message));
      expect(await campaignStore(database).list()).toHaveLength(3);
    } finally {
      await database.close();
      await test.drop();
    }
  });
});
