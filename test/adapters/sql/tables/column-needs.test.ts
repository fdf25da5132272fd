import { afterEach, describe, expect, it } from 'vitest';
import { preflight } from '../../../../src/adapters/sql/open/preflight.ts';
import { type Database, openDatabase } from '../../../../src/adapters/sql/open/sql-database.ts';
import { migrateOwnTables } from '../../../../src/adapters/sql/tables/own-tables.ts';
import { isAvailable, type TestDatabase } from '../../../support/databases.ts';
import { createExistingDatabase } from '../../../support/existing-database.ts';

let beside: TestDatabase;
let database: Database;
afterEach(async () => {
  await database.close();
  await beside.drop();
});

/** What is said of an existing database with these columns of other types; by the one statement that is named it is mended. */
async function refused(dialect: 'postgres' | 'mysql', types: [string, string][], what: 'sending' | 'listening' | 'reading' = 'reading') {
  beside = await createExistingDatabase(dialect);
  for (const [place, type] of types) {
    const [table, column] = place.split('.');
    if (dialect === 'mysql') await beside.query(`update ${table} set ${column} = default; alter table ${table} modify ${column} ${type}`);
    else
      await beside.query(
        `alter table ${table} alter column ${column} drop default; alter table ${table} alter column ${column} type ${type} using null::${type.split('(')[0]}`,
      );
  }
  database = await openDatabase(beside.url);
  await migrateOwnTables(database);
  return preflight(database)
    .require(what)
    .then(
      () => null,
      ({ name, message, next }) => ({ name, message, next }),
    );
}

describe.each(['postgres', 'mysql'] as const)('columns of %s', (dialect) => {
  if (!isAvailable(dialect)) return;

  it('that cannot hold what wsend keeps there are refused before anything is sent, with what mends them', async () => {
    const types: [string, string][] = [
      ['messages.whatsapp_message_id', 'varchar(20)'],
      ['messages.error_message', 'varchar(10)'],
      ['messages.sent_at', 'date'],
      ['messages.retry_count', 'smallint'],
    ];
    const said = await refused(dialect, types);
    expect(said).toMatchObject({ name: 'UsageError' });
    const narrow = dialect === 'mysql' ? 'varchar\\(20\\)' : 'character varying\\(20\\)';
    expect(said?.message).toMatch(
      new RegExp(
        `messages\\.whatsapp_message_id is ${narrow}, and 32 characters are needed; messages\\.error_message is .*; messages\\.sent_at is date,`,
      ),
    );
    expect(said?.message).not.toContain('retry_count');
    for (const statement of said?.next.replace(/^Change them: |\.$/g, '').split('; ') ?? [])
      await beside.query(dialect === 'postgres' ? `${statement}${/time/.test(statement) ? ' using null' : ''}` : statement);
    for (const what of ['reading', 'sending', 'listening'] as const) await preflight(database).require(what);
  });

  it('of error texts and replies may be narrow: they are cut; those of replies alone keep nobody from sending', async () => {
    const types: [string, string][] = [
      ['messages.error_message', 'varchar(50)'],
      ['interactions.content', 'varchar(50)'],
      ['interactions.whatsapp_message_id', 'varchar(20)'],
    ];
    expect(await refused(dialect, types, 'sending')).toBe(null);
    await expect(preflight(database).require('listening')).rejects.toThrow(/interactions\.whatsapp_message_id/);
    expect((await preflight(database).warnings()).join('\n')).toMatch(
      /interactions\.whatsapp_message_id is .*, so wsend listen is refused: alter table/,
    );
  });

  it('that are an enumeration must list what is written there', async () => {
    beside = await createExistingDatabase(dialect);
    await beside.query("update messages set status = 'sent'");
    if (dialect === 'mysql')
      await beside.query(`alter table messages drop constraint if exists messages_chk_2, modify status enum('pending', 'sent')`);
    else
      await beside.query(`create type state as enum ('pending', 'sent'); alter table messages drop constraint messages_status_check,
        alter column status drop default, alter column status type state using status::state`);
    database = await openDatabase(beside.url);
    await expect(preflight(database).require('reading')).rejects.toThrow(
      /messages\.status is enum\('pending','sent'\), and lacks delivered, read, failed/,
    );
  });
});
