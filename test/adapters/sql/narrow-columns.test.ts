import { afterEach, expect, it } from 'vitest';
import { openInbox } from '../../../src/adapters/sql/inbox/sql-inbox.ts';
import type { SqlDialect } from '../../../src/adapters/sql/open/dialect.ts';
import { type Database, openDatabase } from '../../../src/adapters/sql/open/sql-database.ts';
import { importStore } from '../../../src/adapters/sql/stores/import-store.ts';
import { optOuts } from '../../../src/adapters/sql/stores/opt-outs.ts';
import { createMissingTables } from '../../../src/adapters/sql/tables/schema.ts';
import type { Fact } from '../../../src/core/incoming.ts';
import { COURTESY, STOP_WORDS } from '../../../src/core/stop-words.ts';
import { freshDatabase, isAvailable, type TestDatabase } from '../../support/databases.ts';
import { createExistingDatabase } from '../../support/existing-database.ts';

// Columns that hold less than ours: what may be cut gives way, and nothing else does.

const AT = Date.UTC(2026, 8, 1, 10);
const PHONE = '+2290196000001';
const WORDS = `Où ça ? 🎉 ${'é'.repeat(60)}`;

let beside: TestDatabase;
let database: Database;
afterEach(async () => {
  await database.close();
  await beside.drop();
});

/** Campaign 42 with one contact, whose Message 1 was sent at AT. */
async function sent(made: Promise<TestDatabase>, change: string, message2 = 'Année, {{ first_name }} !'): Promise<void> {
  beside = await made;
  database = await openDatabase(beside.url);
  await createMissingTables(database);
  await beside.query(`
    insert into contacts (id, phone_number, country_code, full_number, first_name) values (901, '', '', '${PHONE}', 'Adjoa');
    insert into campaigns (id, name, message_1, message_2, status) values (901, 'x', 'Hi', '${message2}', 'sending');
    insert into messages (id, campaign_id, contact_id, message_type, content, status, sent_at)
      values (901, 901, 901, 'message_1', 'Hi', 'sent', '2026-09-01 10:00:00')`);
  if (change !== '') await beside.query(change);
}

async function reply(text: string): Promise<unknown[]> {
  const write = (template: string, { first_name = '' }: Record<string, string>) => ({
    text: template.replace('{{ first_name }}', first_name),
  });
  const inbox = await openInbox(database, { stop: { words: STOP_WORDS, courtesy: COURTESY }, write });
  const fact: Fact = { kind: 'reply', waId: `R${text.length}`, phone: PHONE, text, at: AT + 60_000, device: 'line' } as Fact;
  await inbox.add([fact], AT + 61_000);
  return (await inbox.workOff(AT + 62_000)).results.map(({ result }) => result);
}

const message2 = () =>
  beside.query(`select content, status, error_message from messages where campaign_id = 901 and message_type = 'message_2'`);
const words = async () => (await beside.query('select content from interactions where campaign_id = 901'))[0]?.content;

const cut = (text: string, longest: number) => [...text].slice(0, longest).join('');

const REPLIES: [string, SqlDialect, () => Promise<TestDatabase>, string, string][] = [
  [
    'varchar(50)',
    'postgres',
    () => createExistingDatabase('postgres'),
    'alter table interactions alter content type varchar(50)',
    cut(WORDS, 50),
  ],
  ['a LATIN1 database', 'postgres', () => freshDatabase('postgres', { encoding: 'LATIN1' }), '', WORDS.replace('🎉', '?')],
  [
    'a database without encoding and varchar(30)',
    'postgres',
    () => freshDatabase('postgres', { encoding: 'SQL_ASCII' }),
    'alter table interactions alter content type varchar(30)',
    `Où ça ? 🎉 ${'é'.repeat(7)}`,
  ],
  ['a LATIN2 database', 'postgres', () => freshDatabase('postgres', { encoding: 'LATIN2' }), '', WORDS.replace(/[^ -~]/gu, '?')],
  [
    'utf8mb3',
    'mysql',
    () => createExistingDatabase('mysql'),
    'alter table interactions modify content text character set utf8mb3',
    WORDS.replace('🎉', '?'),
  ],
  [
    'varchar(50) in latin1',
    'mysql',
    () => createExistingDatabase('mysql'),
    'alter table interactions modify content varchar(50) character set latin1',
    cut(WORDS.replace('🎉', '?'), 50),
  ],
  [
    'koi8r',
    'mysql',
    () => createExistingDatabase('mysql'),
    'alter table interactions modify content text character set koi8r',
    WORDS.replace(/[^ -~]/gu, '?'),
  ],
];

it.each(REPLIES.filter(([, dialect]) => isAvailable(dialect)))(
  'a reply that the database cannot store brings Message 2 all the same, as it is, and STOP with an emoji stops: %s, %s',
  async (...[, , make, change, kept]) => {
    await sent(make(), change);
    expect(await reply(WORDS)).toEqual(['done']);
    expect(await words()).toBe(kept);
    expect(await message2()).toEqual([{ content: 'Année, Adjoa !', status: 'pending', error_message: null }]);
    expect(await reply('STOP 🙏')).toEqual(['opted_out']);
    expect((await optOuts(database).since(0)).changes).toEqual([{ phone: PHONE, out: true }]);
  },
);

it.runIf(isAvailable('mysql'))('a Message 2 that the database cannot store has failed, and says so: it is never changed', async () => {
  const change = 'alter table messages modify content text character set utf8mb3';
  await sent(createExistingDatabase('mysql'), change, 'Merci 🎉');
  expect(await reply('Oui')).toEqual(['done']);
  expect(await message2()).toEqual([
    { content: '', status: 'failed', error_message: 'message:invalid: the database does not take this text' },
  ]);
});

it.each(REPLIES.filter(([what, dialect]) => isAvailable(dialect) && /LATIN|utf8mb3/.test(what)))(
  'a campaign of a file whose text the database cannot hold is refused, and nothing of it stays; names are written as they can be: %s, %s',
  async (...[, dialect, make]) => {
    const narrow =
      'alter table messages modify content text character set utf8mb3; update contacts set first_name = null; alter table contacts modify first_name varchar(5) character set utf8mb3';
    await sent(make(), dialect === 'mysql' ? narrow : 'alter table contacts alter first_name type varchar(5)');
    const made = (message1: string, firstName: string) =>
      importStore(database).createCampaign({
        ...{ name: 'Été 🎉', message1: 'Hi {{ first_name }}', message2: null, fingerprint: message1 },
        recipients: (async function* () {
          yield { phone: '+2290196000777', countryCode: '229', firstName, lastName: null, message1, message2: null };
        })(),
      });
    await expect(made('Hi 🎉', 'Ama')).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(/does not hold a text of this campaign/),
    });
    expect(await beside.query("select id from contacts where full_number = '+2290196000777'")).toEqual([]);
    if (dialect === 'postgres' && (await encoding()) === 'LATIN2') return;
    await made('Hi', '🎉 Adjoa');
    expect(await beside.query("select first_name from contacts where full_number = '+2290196000777'")).toEqual([{ first_name: '? Adj' }]);
  },
);

const encoding = async () => (await beside.query('select getdatabaseencoding() as is'))[0]?.is;
