import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { KyselyPlugin } from 'kysely';
import { afterEach, describe, expect, it } from 'vitest';
import { processes } from '../../../../src/adapters/process/processes.ts';
import { sqlEntries } from '../../../../src/adapters/sql/entries/sql-entries.ts';
import { leases } from '../../../../src/adapters/sql/leases/sql-leases.ts';
import type { SqlDialect } from '../../../../src/adapters/sql/open/dialect.ts';
import { type Database, openDatabase } from '../../../../src/adapters/sql/open/sql-database.ts';
import { copyCampaign } from '../../../../src/adapters/sql/stores/copy-campaign.ts';
import { copyOptOuts } from '../../../../src/adapters/sql/stores/copy-opt-outs.ts';
import { importStore } from '../../../../src/adapters/sql/stores/import-store.ts';
import { optOuts } from '../../../../src/adapters/sql/stores/opt-outs.ts';
import { recipientStore } from '../../../../src/adapters/sql/stores/recipient-store.ts';
import { campaignStore } from '../../../../src/adapters/sql/stores/sql-campaign-store.ts';
import { migrateOwnTables } from '../../../../src/adapters/sql/tables/own-tables.ts';
import { createMissingTables } from '../../../../src/adapters/sql/tables/schema.ts';
import { campaignName, readCheckpoint } from '../../../../src/core/checkpoint.ts';
import { noteText, SKIPPED } from '../../../../src/core/note.ts';
import { freshDatabase, isAvailable, type TestDatabase, userWithoutCreate } from '../../../support/databases.ts';
import { createExistingDatabase, describeTables, EXISTING } from '../../../support/existing-database.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function opened(url: string, readOnly = false): Promise<Database> {
  const database = await openDatabase(url, { readOnly });
  closers.push(() => database.close());
  return database;
}

/** The sandbox's database, with its tables made. */
async function sandbox(): Promise<{ to: Database; beside: TestDatabase }> {
  const beside = await freshDatabase('sqlite');
  closers.push(() => beside.drop());
  const to = await opened(beside.url);
  await createMissingTables(to);
  await migrateOwnTables(to);
  return { to, beside };
}

async function existing(dialect: SqlDialect): Promise<TestDatabase> {
  const test = await createExistingDatabase(dialect);
  closers.push(() => test.drop());
  return test;
}

/** The operator's database, opened as a rehearsal does. */
const operator = (test: TestDatabase) => opened(test.url, true);

/** Work that the operator has had done for real before. */
async function forReal<T>(test: TestDatabase, work: (database: Database) => Promise<T>): Promise<T> {
  const database = await openDatabase(test.url);
  await createMissingTables(database);
  const result = await work(database);
  await database.close();
  return result;
}

/** All that a database holds: its description, and every row of every table. For a file, its bytes, and what lies beside it. */
async function dump(test: TestDatabase, dialect: SqlDialect): Promise<unknown> {
  if (dialect === 'sqlite') {
    const path = test.url.slice('sqlite:'.length);
    // Who reads a file with a write-ahead log has to make the index of that log; it holds nothing.
    const beside = readdirSync(dirname(path)).filter((name) => !/-(shm|wal)$/.test(name));
    return [readFileSync(path).toString('base64'), beside, basename(path)];
  }
  const names =
    dialect === 'postgres'
      ? `select tablename as name from pg_tables where schemaname = 'public' order by 1`
      : 'select table_name as name from information_schema.tables where table_schema = database() order by 1';
  const rows: unknown[] = [];
  for (const { name } of await test.query(names)) rows.push(name, await test.query(`select * from ${name} order by 1`));
  return [await describeTables(test, dialect), rows];
}

const rowsOf = (beside: TestDatabase, campaign: number) =>
  beside.query(`select m.id, m.content, m.status, m.error_message, m.retry_count, m.whatsapp_message_id, c.full_number
    from messages m join contacts c on c.id = m.contact_id where m.campaign_id = ${campaign} order by m.id`);

for (const dialect of ['sqlite', 'postgres', 'mysql'] as const) {
  describe.runIf(isAvailable(dialect))(`a copy of a campaign for a rehearsal, from ${dialect}`, () => {
    it('of one without rows has its texts and the contacts of its categories, and prepares them by the same rules', async () => {
      const test = await existing(dialect);
      const { to, beside } = await sandbox();
      const before = await dump(test, dialect);
      const from = await operator(test);
      await copyCampaign({ from, to, campaign: EXISTING.campaign });
      await copyCampaign({ from, to, campaign: 43 });
      expect(await dump(test, dialect)).toEqual(before);
      const original = await campaignStore(from).find(42);
      const copy = await campaignStore(to).find(42);
      expect(copy).toMatchObject({ ...original, updatedAt: expect.any(Number), status: 'draft' });
      expect((await campaignStore(to).find(43))?.message2).toBe('Thank you {{first_name}}!');
      expect(await recipientStore(to).preparable(42)).toEqual({ count: EXISTING.recipients, duplicates: 0 });
      const render = (fields: Record<string, string>) => Object.values(fields).join('|');
      const made = await recipientStore(to).prepare(42, render);
      expect(made).toEqual({ made: EXISTING.recipients, unverified: EXISTING.unverified, duplicates: 0 });
      await forReal(test, (database) => recipientStore(database).prepare(42, render));
      const real = await recipientStore(from).pending(42, 0, 100);
      const rehearsed = await recipientStore(to).pending(42, 0, 100);
      expect(rehearsed.map(({ phone, content }) => [phone, content])).toEqual(real.map(({ phone, content }) => [phone, content]));
      expect(
        await beside.query('select sum(whatsapp_verified is null) as unchecked, sum(whatsapp_verified = 0) as none from contacts'),
      ).toEqual([{ unchecked: 3, none: 4 }]);
    });

    it('has the pending rows as if nothing had been tried yet, and who was left out stays so', async () => {
      const test = await existing(dialect);
      await forReal(test, (database) => recipientStore(database).prepare(42, ({ first_name }) => `Hello ${first_name}`));
      const [first, second, third, fourth, fifth] = (await test.query('select id from messages where campaign_id = 42 order by id')).map(
        ({ id }) => id,
      );
      await test.query(`update messages set status = 'sent', whatsapp_message_id = 'x' where id = ${first};
        update messages set status = 'failed', error_message = 'phone:invalid: no' where id = ${second};
        update messages set error_message = '${noteText('in doubt: no answer')}', retry_count = 2, whatsapp_message_id = 'y' where id = ${third};
        update messages set error_message = '${noteText(SKIPPED)}' where id = ${fourth};
        update messages set status = 'delivered' where id = ${fifth};
        update campaigns set status = 'sending', sent_count = 2 where id = 42`);
      const before = await dump(test, dialect);
      const { to, beside } = await sandbox();
      await copyCampaign({ from: await operator(test), to, campaign: 42 });
      expect(await dump(test, dialect)).toEqual(before);
      const rows = await rowsOf(beside, 42);
      expect(rows).toHaveLength(EXISTING.recipients - 3);
      expect(rows.slice(0, 3)).toEqual([
        { id: 1, content: 'Hello Chantal', error_message: null, full_number: '2290196121003', ...PENDING },
        { id: 2, content: 'Hello Dieudonné', error_message: 'wsend: skipped: opted out', full_number: '+2290196121004', ...PENDING },
        { id: 3, content: 'Hello Gildas', error_message: null, full_number: '+2290196070000', ...PENDING },
      ]);
      expect(await campaignStore(to).tally(42)).toEqual({ total: 21, pending: 20, sent: 0, failed: 0 });
      expect(await beside.query('select total_recipients, sent_count, status from campaigns')).toEqual([
        { total_recipients: 21, sent_count: 0, status: 'draft' },
      ]);
    });

    it('has nobody when all rows are settled, and fails those whose contact has no number, one by one', async () => {
      const test = await existing(dialect);
      const { to, beside } = await sandbox();
      const from = await operator(test);
      await copyCampaign({ from, to, campaign: 41 });
      expect(await rowsOf(beside, 41)).toEqual([]);
      expect(await recipientStore(to).preparable(41)).toEqual({ count: 0, duplicates: 0 });
      await test.query(`update contacts set full_number = '' where id = 30;
        insert into messages (campaign_id, contact_id, message_type, content, status) values
          (41, 30, 'message_1', 'a', 'pending'), (41, 28, 'message_1', 'b', 'pending')`);
      const again = await operator(test);
      await copyCampaign({ from: again, to, campaign: 41 });
      const phones = (await recipientStore(to).pending(41, 0, 10)).map(({ phone }) => phone);
      expect(phones).toEqual(['?30', '+2290196121028']);
    });

    it('made again replaces the first with all that was rehearsed, and leaves others and its lease alone', async () => {
      const test = await existing(dialect);
      await forReal(test, (database) => recipientStore(database).prepare(42, () => 'Hello'));
      const { to, beside } = await sandbox();
      const from = await operator(test);
      await copyCampaign({ from, to, campaign: 42 });
      await copyCampaign({ from, to, campaign: 43 });
      await recipientStore(to).prepare(43, () => 'Thanks');
      const [row] = await recipientStore(to).pending(42, 0, 1);
      const [other] = await recipientStore(to).pending(43, 0, 1);
      for (const [campaign, message] of [
        [42, row?.message],
        [43, other?.message],
      ]) {
        const contact = `(select contact_id from messages where id = ${message})`;
        await beside.query(`update messages set status = 'sent', whatsapp_message_id = 'p${campaign}' where id = ${message};
          update campaigns set status = 'sending' where id = ${campaign};
          insert into wsend_provider_ids values ('p${campaign}', ${message}, 'p${campaign}', null);
          insert into wsend_message_2_lines values (${message}, 'line');
          insert into wsend_message_2 values (${campaign}, ${contact}, 'thanks');
          insert into wsend_imports (campaign_id, fingerprint) values (${campaign}, 'f${campaign}');
          insert into interactions (campaign_id, contact_id, message_id, interaction_type) values (${campaign}, ${contact}, ${message}, 'reply');
          insert into wsend_leases (name, epoch, expires_at) values ('campaign:${campaign}:message_1', 7, 0);
          insert into wsend_checkpoints (name, epoch, step) values ('campaign:${campaign}:message_1', 7, 1), ('campaign:${campaign}:message_2', 7, 1);
          insert into wsend_entries values ('campaign:${campaign}:message_1', 'known', '7'), ('campaign:${campaign}:message_2', 'known', '7')`);
      }
      const left = async (campaign: number) => {
        const message = campaign === 42 ? row?.message : other?.message;
        const counts = [
          `messages where campaign_id = ${campaign} and status = 'sent'`,
          ...[`wsend_provider_ids where message_id = ${message}`, `wsend_message_2_lines where message_id = ${message}`],
          ...['wsend_message_2', 'wsend_imports', 'interactions'].map((table) => `${table} where campaign_id = ${campaign}`),
          ...['wsend_checkpoints', 'wsend_entries', 'wsend_leases'].map((table) => `${table} where name like 'campaign:${campaign}:%'`),
        ];
        const found = counts.map(async (what) => (await beside.query(`select count(*) as n from ${what}`))[0]?.n);
        return Promise.all(found);
      };
      const highest = (await rowsOf(beside, 42)).at(-1)?.id as number;
      expect(await left(42)).toEqual([1, 1, 1, 1, 1, 1, 2, 2, 1]);
      await copyCampaign({ from, to, campaign: 42 });
      expect(await left(42)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1]);
      expect(await left(43)).toEqual([1, 1, 1, 1, 1, 1, 2, 2, 1]);
      const rows = await rowsOf(beside, 42);
      expect(rows).toHaveLength(EXISTING.recipients);
      expect(rows.every(({ id, status }) => Number(id) > highest && status === 'pending')).toBe(true);
      expect((await campaignStore(to).find(42))?.status).toBe('draft');
    });

    it('has the contacts as they are now', async () => {
      const test = await existing(dialect);
      const { to, beside } = await sandbox();
      await copyCampaign({ from: await operator(test), to, campaign: 42 });
      await test.query(`update contacts set first_name = 'Afua', whatsapp_verified = false where id = 1;
        delete from category_contacts where contact_id = 2`);
      await copyCampaign({ from: await operator(test), to, campaign: 42 });
      expect(await beside.query(`select first_name, whatsapp_verified from contacts where full_number = '+2290196121001'`)).toEqual([
        { first_name: 'Afua', whatsapp_verified: 0 },
      ]);
      expect(await beside.query('select count(*) as contacts, (select count(*) from category_contacts) as members from contacts')).toEqual([
        { contacts: 28, members: 27 },
      ]);
      expect(await recipientStore(to).preparable(42)).toEqual({ count: EXISTING.recipients - 2, duplicates: 0 });
    });

    it('of one from a file has the text of Message 2 that each contact is to get', async () => {
      const test = await existing(dialect);
      const { campaign } = await forReal(test, (database) => importStore(database).createCampaign(plan(3)));
      const { to, beside } = await sandbox();
      const before = await dump(test, dialect);
      await copyCampaign({ from: await operator(test), to, campaign });
      expect(await dump(test, dialect)).toEqual(before);
      const texts = await beside.query(
        'select w.content, c.full_number from wsend_message_2 w join contacts c on c.id = w.contact_id order by 1',
      );
      expect(texts).toEqual([0, 1, 2].map((i) => ({ content: `Bye ${i}`, full_number: `+229019700000${i}` })));
      expect((await rowsOf(beside, campaign)).map(({ content }) => content)).toEqual(['Hi 0', 'Hi 1', 'Hi 2']);
      expect(await importStore(to).findImport('f')).toBeUndefined();
    });

    it('brings the list of those who want no messages as it is now, beside who has said so in the sandbox', async () => {
      const test = await existing(dialect);
      await forReal(test, async (database) => {
        await optOuts(database).set(['+2290196121001', '+2290196121002'], true, 'reply');
        await optOuts(database).set(['+2290196121002'], false, 'command');
      });
      const { to } = await sandbox();
      await optOuts(to).set(['+2290196121009'], true, 'reply');
      const listed = async () => {
        const phones: string[] = [];
        for await (const { phone } of optOuts(to).list()) phones.push(phone.slice(-2));
        return phones;
      };
      await copyCampaign({ from: await operator(test), to, campaign: 42 });
      expect(await listed()).toEqual(['01', '09']);
      await forReal(test, async (database) => {
        await optOuts(database).set(['+2290196121001'], false, 'command');
        await optOuts(database).set(['+2290196121003'], true, 'command');
      });
      await optOuts(to).set(['+2290196121003'], false, 'command');
      const before = await dump(test, dialect);
      await copyOptOuts({ from: await operator(test), to });
      expect(await dump(test, dialect)).toEqual(before);
      expect(await listed()).toEqual(['03', '09']);
    });

    it('of a campaign that is not there is refused, and what was rehearsed before stays', async () => {
      const test = await existing(dialect);
      const { to, beside } = await sandbox();
      const from = await operator(test);
      await copyCampaign({ from, to, campaign: 42 });
      await test.query('delete from campaign_categories; delete from campaigns where id = 42');
      const missing = { exitCode: 2, message: 'there is no campaign 42 in the database', next: expect.stringContaining('wsend status') };
      await expect(copyCampaign({ from: await operator(test), to, campaign: 42 })).rejects.toMatchObject(missing);
      expect(await beside.query('select count(*) as n from category_contacts')).toEqual([{ n: 28 }]);
      const empty = await freshDatabase(dialect);
      closers.push(() => empty.drop());
      // A file that is there, and nothing in it.
      await empty.query('create table other (id int)');
      await expect(copyCampaign({ from: await operator(empty), to, campaign: 42 })).rejects.toMatchObject(missing);
      await test.query('alter table messages drop column retry_count');
      await expect(copyCampaign({ from: await operator(test), to, campaign: 43 })).rejects.toMatchObject({
        exitCode: 2,
        message: expect.stringMatching(/no such column: messages\.retry_count$/),
      });
    });

    it('that fails halfway leaves the first as it was', async () => {
      const test = await existing(dialect);
      await forReal(test, (database) => recipientStore(database).prepare(42, ({ full_number }) => full_number ?? ''));
      const { to, beside } = await sandbox();
      const from = await operator(test);
      await copyCampaign({ from, to, campaign: 42 });
      const before = await rowsOf(beside, 42);
      await beside.query(
        `create trigger full before insert on messages when new.content like '%28' begin select raise(abort, 'no more'); end`,
      );
      await expect(copyCampaign({ from, to, campaign: 42 })).rejects.toThrow('no more');
      expect(await rowsOf(beside, 42)).toEqual(before);
      await beside.query('drop trigger full');
      await copyCampaign({ from, to, campaign: 42 });
      expect(await rowsOf(beside, 42)).toHaveLength(EXISTING.recipients);
    });

    it('of 20,000 never holds more than a page of them', async () => {
      const test = await existing(dialect);
      await forReal(test, (database) => importStore(database).createCampaign(plan(20_000)));
      const { to, beside } = await sandbox();
      const before = dialect === 'sqlite' ? await dump(test, dialect) : undefined;
      const from = await operator(test);
      const [read, written] = [most(), most()];
      const begin = performance.now();
      await copyCampaign({
        from: { ...from, db: from.db.withPlugin(read.plugin) },
        to: { ...to, db: to.db.withPlugin(written.plugin) },
        campaign: 44,
      });
      expect(performance.now() - begin).toBeLessThan(20_000);
      if (before !== undefined) expect(await dump(test, dialect)).toEqual(before);
      expect([read.rows(), written.rows()]).toEqual([500, 500]);
      const [{ content, full_number } = {}, ...rest] = (await rowsOf(beside, 44)).reverse();
      expect([content, full_number, rest.length]).toEqual(['Hi 19999', '+2290197019999', 19_999]);
      expect(await beside.query('select count(*) as n from wsend_message_2')).toEqual([{ n: 20_000 }]);
    });
  });
}

const PENDING = { status: 'pending', retry_count: 0, whatsapp_message_id: null };

/** A file of people, as it becomes campaign 44. */
function plan(count: number) {
  const recipients = async function* () {
    for (let i = 0; i < count; i++) {
      const phone = `+22901970${String(i).padStart(5, '0')}`;
      yield { phone, countryCode: '229', firstName: `P${i}`, lastName: null, message1: `Hi ${i}`, message2: `Bye ${i}` };
    }
  };
  return { name: 'From a file', message1: 'Hi', message2: 'Bye', fingerprint: 'f', recipients: recipients() };
}

/** Counts the rows of the longest answer. */
function most(): { plugin: KyselyPlugin; rows(): number } {
  let longest = 0;
  const plugin: KyselyPlugin = {
    transformQuery: ({ node }) => node,
    async transformResult({ result }) {
      longest = Math.max(longest, result.rows.length);
      return result;
    },
  };
  return { plugin, rows: () => longest };
}

describe.runIf(isAvailable('postgres'))('a PostgreSQL user who may only read', () => {
  it('rehearses', async () => {
    const test = await existing('postgres');
    const user = await userWithoutCreate(test);
    closers.push(() => user.drop());
    await test.query(`revoke insert, update, delete on all tables in schema public from ${user.role}`);
    const { to } = await sandbox();
    await copyCampaign({ from: await opened(user.url, true), to, campaign: 42 });
    expect(await recipientStore(to).preparable(42)).toEqual({ count: EXISTING.recipients, duplicates: 0 });
  });
});

describe('a copy that was made under a lease', () => {
  it('is all that the run after it finds: it knows everything, for nothing of it was ever sent', async () => {
    const from = await operator(await existing('sqlite'));
    const { to } = await sandbox();
    const entries = sqlEntries(to);
    for (const type of ['message_1', 'message_2'] as const) {
      const name = campaignName(42, type);
      for (const rehearsal of [1, 2]) {
        const taken = await leases(to).take([name], processes().self(), []);
        if (!('lease' in taken)) throw new Error('it is held');
        await copyCampaign({ from, to, campaign: 42, epoch: taken.lease.epoch });
        await taken.lease.release();
        const next = await leases(to).take([name], processes().self(), []);
        if (!('lease' in next)) throw new Error('it is held');
        const { fields } = await entries.open(name, next.lease.epoch);
        expect(readCheckpoint(fields), `${type}, ${rehearsal}`).toMatchObject({
          known: next.lease.before.get(name)?.epoch,
          header: null,
          counted: null,
        });
        await entries.write(1, [{ name, epoch: next.lease.epoch, fields: { sent: '5', known: String(next.lease.epoch) } }]);
        await next.lease.release();
      }
    }
  });
});

describe('the SQLite file that a rehearsal reads', () => {
  it('is not made where it is missing', async () => {
    const { beside } = await sandbox();
    const folder = dirname(beside.url.slice('sqlite:'.length));
    const refused = await openDatabase(`sqlite:${folder}/none.db`, { readOnly: true }).catch((error) => error);
    expect(refused).toMatchObject({ exitCode: 2, message: `there is no SQLite file ${folder}/none.db` });
    expect(await openDatabase(`sqlite:${folder}`, { readOnly: true }).catch((error) => error)).toMatchObject({ exitCode: 2 });
    expect(readdirSync(folder)).not.toContain('none.db');
  });

  it('cannot be written through what opened it', async () => {
    const test = await existing('sqlite');
    const from = await operator(test);
    await expect(campaignStore(from).setStatus(42, 'sending')).rejects.toMatchObject({ message: expect.stringMatching(/is read-only$/) });
  });

  it('is read while a run has it open, with what that has just written', async () => {
    const test = await existing('sqlite');
    const real = await opened(test.url);
    await createMissingTables(real);
    await recipientStore(real).prepare(42, () => 'Hello');
    const { to } = await sandbox();
    await copyCampaign({ from: await operator(test), to, campaign: 42 });
    expect((await campaignStore(to).tally(42)).pending).toBe(EXISTING.recipients);
    await campaignStore(real).setStatus(42, 'sending');
  });
});
