import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { preflight } from '../../../../src/adapters/sql/open/preflight.ts';
import { type Database, openDatabase } from '../../../../src/adapters/sql/open/sql-database.ts';
import { migrateOwnTables } from '../../../../src/adapters/sql/tables/own-tables.ts';
import { createMissingTables } from '../../../../src/adapters/sql/tables/schema.ts';
import { DatabaseUnreachable, UsageError, type UserError } from '../../../../src/errors.ts';
import { freshDatabase, isAvailable, type TestDatabase } from '../../../support/databases.ts';
import { createExistingDatabase } from '../../../support/existing-database.ts';
import { type LimitedUser, limitedUser } from '../../../support/limited-user.ts';

let beside: TestDatabase;
const opened: Database[] = [];

async function open(url: string): Promise<Database> {
  const database = await openDatabase(url);
  opened.push(database);
  return database;
}

async function makeTables(): Promise<Database> {
  const database = await open(beside.url);
  await createMissingTables(database);
  await migrateOwnTables(database);
  return database;
}

const refusal = (work: Promise<unknown>): Promise<UserError> =>
  work.then(
    () => expect.unreachable('it was not refused'),
    (error) => error,
  );

afterEach(async () => {
  for (const database of opened.splice(0)) await database.close();
  await beside.drop();
});

describe.each(['sqlite', 'postgres', 'mysql'] as const)('%s', (dialect) => {
  if (!isAvailable(dialect)) return;

  it('a database that wsend made, and whose user owns it, is fit for everything', async () => {
    beside = await freshDatabase(dialect);
    const database = await makeTables();
    await preflight(database).require('sending');
    await preflight(database).require('listening');
    expect((await preflight(database).warnings()).filter((text) => text.includes('may not'))).toEqual([]);
  });

  it('so is one that a platform made, with a column less here and there, and nothing of it changes', async () => {
    beside = await createExistingDatabase(dialect);
    const rows = () => Promise.all(['campaigns', 'messages'].map((table) => beside.query(`select * from ${table} order by id`)));
    const before = await rows();
    const database = await open(beside.url);
    await preflight(database).require('sending');
    await preflight(database).require('listening');
    await preflight(database).warnings();
    expect(await rows()).toEqual(before);
  });

  // MySQL becomes read-only for a whole server, and so for every other test.
  if (dialect === 'mysql') return;
  it('one that takes no writes at all is said to be read-only', async () => {
    beside = await freshDatabase(dialect);
    const database = await makeTables();
    if (dialect === 'sqlite') await sql`pragma query_only = on`.execute(database.db);
    else await database.db.connection().execute((one) => sql`set default_transaction_read_only = on`.execute(one));
    const refused = await refusal(preflight(database).require('sending'));
    expect(refused).toBeInstanceOf(DatabaseUnreachable);
    expect(refused.message).toMatch(/ is read-only$/);
  });
});

describe.each(['postgres', 'mysql'] as const)('a user of %s who may not do everything', (dialect) => {
  if (!isAvailable(dialect)) return;
  let user: LimitedUser;
  beforeEach(async () => {
    beside = await freshDatabase(dialect);
    await makeTables();
    user = await limitedUser(dialect, beside);
  });
  afterEach(() => user.drop());
  const grantOwn = async () => {
    for (const table of ['leases', 'checkpoints', 'entries', 'provider_ids', 'aliases', 'strangers', 'optouts'])
      await user.grant('insert, update, delete', `wsend_${table}`);
    await user.grant('update', 'wsend_inbox');
  };

  it('without the right to update is refused, with everything that is missing and how to give it', async () => {
    await grantOwn();
    const { require } = preflight(await open(user.url));
    const refused = await refusal(require('sending'));
    expect(refused).toBeInstanceOf(UsageError);
    expect(refused.message).toMatch(/ does not let this user update messages, update campaigns \(.*denied.*messages/i);
    expect(refused.next).toBe('Give the right: grant select, update on messages to <user>; grant select, update on campaigns to <user>.');
    await user.grant('update', 'messages');
    expect((await refusal(require('sending'))).message).toMatch(/ does not let this user update campaigns \(/);
    await user.grant('update', 'campaigns');
    await require('sending');
  });

  it('without the right to write what wsend keeps for itself is refused alike', async () => {
    for (const table of ['messages', 'campaigns']) await user.grant('update', table);
    const refused = await refusal(preflight(await open(user.url)).require('sending'));
    expect(refused).toBeInstanceOf(UsageError);
    expect(refused.message).toMatch(/ does not let this user insert wsend_leases, update wsend_leases, insert wsend_checkpoints, /);
    expect(refused.next).toBe(
      `Give the right: ${[
        'grant select, insert, update on wsend_leases to <user>',
        'grant select, insert, update, delete on wsend_checkpoints to <user>',
        'grant select, insert, update, delete on wsend_entries to <user>',
        'grant select, insert, update on wsend_provider_ids to <user>',
        'grant select, insert, update on wsend_aliases to <user>',
        'grant select, delete on wsend_strangers to <user>',
        'grant select, insert, update on wsend_optouts to <user>',
        'grant select, update on wsend_inbox to <user>.',
      ].join('; ')}`,
    );
  });

  it('with rights to the columns that wsend writes, and no more, may send', async () => {
    await grantOwn();
    const kept = dialect === 'mysql' ? ', created_at' : '';
    const outcome = 'status, whatsapp_message_id, error_message, retry_count, sent_at, updated_at';
    await user.grant(`update (${outcome}${kept})`, 'messages');
    await user.grant(`update (status, total_recipients, sent_count, success_count, failed_count, updated_at${kept})`, 'campaigns');
    await preflight(await open(user.url)).require('sending');
  });

  it('who may only send is refused as a listener, and doctor warns of what else is missing', async () => {
    await grantOwn();
    for (const table of ['messages', 'campaigns']) await user.grant('update', table);
    const { require, warnings } = preflight(await open(user.url));
    await require('sending');
    const refused = await refusal(require('listening'));
    expect(refused.message).toMatch(/ does not let this user insert messages, insert interactions, insert wsend_inbox, /);
    expect((await warnings()).filter((text) => text.includes('may not'))).toEqual([
      expect.stringMatching(/^this user may not insert messages, insert contacts, .* so wsend run --csv, .* is refused: grant /),
      expect.stringMatching(/^this user may not insert messages, insert interactions, .* so wsend listen is refused: grant /),
    ]);
  });
});

if (isAvailable('postgres'))
  it('what a trigger of PostgreSQL does for an update of no row is undone', async () => {
    beside = await freshDatabase('postgres');
    const database = await makeTables();
    await beside.query(`create table trail (what text);
      create function note() returns trigger language plpgsql as $$ begin insert into trail values (tg_op); return null; end $$;
      create trigger noted after update on messages for each statement execute function note()`);
    await preflight(database).require('sending');
    expect(await beside.query('select * from trail')).toEqual([]);
  });

if (isAvailable('mysql'))
  it('tables in an engine without transactions are refused, those that wsend only reads are not', async () => {
    beside = await freshDatabase('mysql');
    const { require } = preflight(await makeTables());
    await beside.query(
      'set foreign_key_checks = 0; drop table category_contacts; create table category_contacts (category_id bigint, contact_id bigint) engine = MyISAM',
    );
    await require('sending');
    await beside.query('drop table interactions; alter table messages drop foreign key messages_ibfk_1, drop foreign key messages_ibfk_2');
    await beside.query('alter table messages engine = MyISAM; alter table wsend_inbox engine = Aria');
    const refused = await refusal(require('sending'));
    expect(refused).toBeInstanceOf(UsageError);
    expect(refused.message).toMatch(
      / keeps messages in MyISAM, wsend_inbox in Aria, which cannot roll back an interrupted change; allowed: InnoDB$/,
    );
    expect(refused.next).toBe('Change it: alter table messages engine=InnoDB; alter table wsend_inbox engine=InnoDB.');
  });
