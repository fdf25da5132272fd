import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../../src/adapters/sql/open/sql-database.ts';
import { recipientStore } from '../../../src/adapters/sql/stores/recipient-store.ts';
import { campaignStore } from '../../../src/adapters/sql/stores/sql-campaign-store.ts';
import { migrateOwnTables } from '../../../src/adapters/sql/tables/own-tables.ts';
import { createMissingTables } from '../../../src/adapters/sql/tables/schema.ts';
import { freshDatabase, isAvailable } from '../../support/databases.ts';

/** As a platform's migrations made them where the first TIMESTAMP of a table changes with every update, unless it is assigned. */
const TABLES = `
  set session explicit_defaults_for_timestamp = 0;
  create table campaigns (
    id int auto_increment primary key, name varchar(255) not null, message_1 text, message_2 text, status varchar(50) default 'draft',
    total_recipients int default 0, sent_count int default 0, success_count int default 0, failed_count int default 0,
    created_at timestamp, updated_at timestamp default current_timestamp
  );
  create table messages (
    id int auto_increment primary key, campaign_id int not null, contact_id int not null, message_type varchar(20) not null, content text,
    status varchar(50) default 'pending', whatsapp_message_id varchar(255), error_message text, retry_count int default 0,
    FIRST, updated_at timestamp default current_timestamp
  );
  insert into campaigns (id, name, status, created_at) values (1, 'Old', 'draft', '2026-01-02 03:04:05');
  insert into messages (id, campaign_id, contact_id, message_type, created_at, sent_at)
    values (1, 1, 1, 'message_1', '2026-01-02 03:04:05', '2026-01-03 03:04:05'), (2, 1, 2, 'message_1', '2026-01-02 03:04:05', '2026-01-03 03:04:05')`;

const THEN = { created_at: '2026-01-02 03:04:05', sent_at: '2026-01-03 03:04:05' };

describe.runIf(isAvailable('mysql'))('MySQL tables whose first time changes with every update', () => {
  it.each(['created_at', 'sent_at'] as const)('keep %s, and with it every reference, whatever wsend writes', async (first) => {
    const other = first === 'created_at' ? 'sent_at' : 'created_at';
    const test = await freshDatabase('mysql');
    await test.query(TABLES.replace('FIRST', `${first} timestamp, ${other} timestamp null`));
    const [column] = await test.query(
      `select extra from information_schema.columns where table_schema = database() and table_name = 'messages' and column_name = '${first}'`,
    );
    expect(column?.extra).toMatch(/on update/i);
    const database = await openDatabase(test.url);
    await createMissingTables(database);
    await migrateOwnTables(database);
    const [campaigns, recipients] = [campaignStore(database), recipientStore(database)];
    const times = async () =>
      (await test.query('select created_at, sent_at from messages order by id')) as { created_at: string; sent_at: string }[];
    const failed = { kind: 'failed', message: 1, code: 'x', reason: 'y', at: 0, attempts: 1, providerId: null } as const;

    await campaigns.setStatus(1, 'sending');
    await recipients.record(1, [{ kind: 'marked', message: 2, note: 'in doubt', at: 0, attempts: 1 }, failed]);
    expect(await times()).toEqual([THEN, THEN]);
    expect(await recipients.retryFailed(1)).toEqual([1]);
    expect(await times()).toEqual([THEN, THEN]);
    const at = Date.UTC(2026, 5, 5, 5, 5, 5);
    await recipients.record(1, [{ kind: 'sent', message: 1, providerId: 'p', at, attempts: 1 }]);
    expect(await times()).toEqual([{ ...THEN, sent_at: '2026-06-05 05:05:05' }, THEN]);
    expect((await campaigns.find(1))?.createdAt).toBe(Date.UTC(2026, 0, 2, 3, 4, 5));
    await database.close();
    await test.drop();
  });
});
