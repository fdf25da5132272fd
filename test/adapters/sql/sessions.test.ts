import { sql } from 'kysely';
import mysql from 'mysql2/promise';
import { describe, expect, it } from 'vitest';
import { openInbox } from '../../../src/adapters/sql/inbox/sql-inbox.ts';
import { SESSION } from '../../../src/adapters/sql/open/mysql.ts';
import { openDatabase } from '../../../src/adapters/sql/open/sql-database.ts';
import { inTransaction } from '../../../src/adapters/sql/open/transaction.ts';
import { campaignStore } from '../../../src/adapters/sql/stores/sql-campaign-store.ts';
import { freshDatabase, isAvailable, type TestDatabase } from '../../support/databases.ts';
import { createExistingDatabase } from '../../support/existing-database.ts';

const AT = Date.UTC(2026, 2, 4, 5, 6, 7, 89);

describe.runIf(isAvailable('postgres'))('a PostgreSQL database with defaults of its own', () => {
  it.each(['SQL, DMY', 'German', 'Postgres, MDY'])('has its times read whatever its datestyle: %s', async (style) => {
    const beside = await createExistingDatabase('postgres');
    await beside.query(`alter table campaigns alter column created_at type timestamptz;
      update campaigns set created_at = '2026-03-04T05:06:07.089Z' where id = 42;
      insert into messages (campaign_id, contact_id, message_type, content, status, sent_at)
        select 42, id, 'message_1', 'Hi', 'sent', '2026-03-04 05:06:07.089' from contacts where id = 1;
      update campaigns set status = 'sending', message_2 = 'Thanks' where id = 42`);
    await defaults(beside, {
      datestyle: style,
      timezone: 'Asia/Kathmandu',
      standard_conforming_strings: 'off',
      intervalstyle: 'sql_standard',
    });
    const database = await openDatabase(beside.url);
    try {
      expect((await campaignStore(database).find(42))?.createdAt).toBe(AT);
      const inbox = await openInbox(database, { stop: { words: [], courtesy: [] }, write: (text) => ({ text }) });
      const [one] = await beside.query('select full_number from contacts where id = 1');
      const phone = `+${String(one?.full_number).replace('+', '')}`;
      await inbox.add([{ kind: 'reply', waId: 'W1', phone, text: 'C:\\temp', at: AT + 60_000, device: null }] as never, AT + 61_000);
      expect((await inbox.workOff(AT + 62_000)).message2.pending).toBe(1);
    } finally {
      await database.close();
      await beside.drop();
    }
  });

  it('has every transaction see rows as they are, with our deadlines alone; what a pooler would hand on to others stays as it is', async () => {
    const beside = await freshDatabase('postgres');
    await defaults(beside, { default_transaction_isolation: 'serializable', statement_timeout: '7s', lock_timeout: '3s' });
    const database = await openDatabase(beside.url);
    const settings = async (db: typeof database.db) =>
      Object.values(
        (
          await sql<Record<string, string>>`select current_setting('transaction_isolation') as a, current_setting('statement_timeout') as b,
            current_setting('lock_timeout') as c, current_setting('timezone') as d`.execute(db)
        ).rows[0] ?? {},
      );
    try {
      expect(await inTransaction(database, settings)).toEqual(['read committed', '0', '0', 'UTC']);
      expect(await settings(database.db)).toEqual(['serializable', '7s', '3s', 'UTC']);
    } finally {
      await database.close();
      await beside.drop();
    }
  });
});

async function defaults({ url, query }: TestDatabase, settings: Record<string, string>): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  for (const [setting, value] of Object.entries(settings)) {
    const list = value.split(', ').map((one) => `'${one}'`);
    await query(`alter database ${name} set ${setting} = ${list.join(', ')}`);
  }
}

describe.runIf(isAvailable('mysql'))('a MySQL session', () => {
  it('has what is relied on, whatever the defaults of the server', async () => {
    const beside = await freshDatabase('mysql');
    const connection = await mysql.createConnection({ uri: beside.url });
    const odd = `set session sql_select_limit = 3, sql_big_selects = 0, sql_safe_updates = 1, autocommit = 0, completion_type = 2, time_zone = '-03:30',
      sql_auto_is_null = 1, sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES', tx_isolation = 'SERIALIZABLE', max_statement_time = 0.001, character_set_results = latin1,
      character_set_client = latin1, character_set_connection = latin1`;
    try {
      await connection.query(odd);
      for (const statement of SESSION) await connection.query(statement);
      const [rows] =
        await connection.query(`select @@sql_select_limit as a, @@sql_big_selects as b, @@sql_safe_updates as c, @@autocommit as d,
        @@completion_type as e, @@time_zone as f, @@sql_auto_is_null as g, @@sql_mode as h, @@tx_isolation as i, @@max_statement_time as j,
        @@character_set_client as k, @@character_set_results as l, @@character_set_connection as m`);
      expect(Object.values((rows as Record<string, unknown>[])[0] ?? {})).toEqual([
        ...[2 ** 64, 1, 0, 1, 'NO_CHAIN', '+00:00', 0],
        'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
        ...['READ-COMMITTED', 0, 'utf8mb4', 'utf8mb4', 'utf8mb4'],
      ]);
    } finally {
      connection.destroy();
      await beside.drop();
    }
  });
});
