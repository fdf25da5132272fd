import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { preflight } from '../../../../src/adapters/sql/open/preflight.ts';
import { type Database, openDatabase } from '../../../../src/adapters/sql/open/sql-database.ts';
import { importStore } from '../../../../src/adapters/sql/stores/import-store.ts';
import { recipientStore } from '../../../../src/adapters/sql/stores/recipient-store.ts';
import { campaignStore } from '../../../../src/adapters/sql/stores/sql-campaign-store.ts';
import { createMissingTables } from '../../../../src/adapters/sql/tables/schema.ts';
import { freshDatabase, isAvailable, type TestDatabase } from '../../../support/databases.ts';

/** Two ids that are one number in JavaScript. */
const [ONE, OTHER] = ['9007199254740992', '9007199254740993'];

for (const dialect of ['sqlite', 'postgres', 'mysql'] as const) {
  describe.runIf(isAvailable(dialect))(`ids that cannot be told apart (${dialect})`, () => {
    let own: TestDatabase;
    let database: Database;
    const refusal = /900719925474099[23]; /;

    beforeEach(async () => {
      own = await freshDatabase(dialect);
      database = await openDatabase(own.url);
      await createMissingTables(database);
      await own.query(`insert into campaigns (id, name, message_1) values (7, 'x', 'Hello {{ first_name }}')`);
      await own.query(`insert into categories (id, name) values (1, 'all')`);
      await own.query(`insert into campaign_categories (campaign_id, category_id) values (7, 1)`);
      await own.query(`insert into contacts (id, full_number, first_name) values (1, '+2290197000001', 'Awa')`);
    });
    afterEach(async () => {
      await database?.close();
      await own?.drop();
    });
    const contacts = () =>
      own.query(
        `insert into contacts (id, full_number, first_name) values (${ONE}, '+2290197000002', 'Ben'), (${OTHER}, '+2290197000003', 'Chi')`,
      );
    const doctor = () => preflight(database).requireExactIds();

    it('of contacts in a category: refused, and not looked for without end', async () => {
      await doctor();
      await contacts();
      await own.query(`insert into category_contacts (category_id, contact_id) values (1, 1), (1, ${ONE}), (1, ${OTHER})`);
      const { prepare, preparable } = recipientStore(database);
      await expect(prepare(7, ({ first_name }) => `Hello ${first_name}`)).rejects.toThrow(refusal);
      await expect(preparable(7)).rejects.toThrow(refusal);
      expect(await own.query('select * from messages')).toEqual([]);
      await expect(doctor()).rejects.toThrow(/row of contacts with the id 9007199254740993; allowed/);
    });

    it('of contacts that messages are for: nobody gets the text of another', async () => {
      await contacts();
      await own.query(`insert into messages (campaign_id, contact_id, message_type, content) values
        (7, ${ONE}, 'message_1', 'Ben'), (7, ${OTHER}, 'message_1', 'Chi')`);
      await expect(recipientStore(database).pending(7, 0, 10)).rejects.toThrow(refusal);
    });

    it('of contacts with a number that a file has: refused, and no number is said to occur twice', async () => {
      await contacts();
      const people = async function* () {
        for (const phone of ['+2290197000002', '+2290197000003'])
          yield { phone, countryCode: '229', firstName: null, lastName: null, message1: 'x', message2: null };
      };
      const plan = { name: 'x', message1: 'x', message2: null, fingerprint: 'f', recipients: people() };
      await expect(importStore(database).createCampaign(plan)).rejects.toThrow(refusal);
    });

    it('of messages, campaigns and categories: refused', async () => {
      await own.query(
        `insert into messages (id, campaign_id, contact_id, message_type, content) values (${OTHER}, 7, 1, 'message_1', 'x')`,
      );
      await expect(recipientStore(database).pending(7, 0, 10)).rejects.toThrow(refusal);
      await expect(doctor()).rejects.toThrow(/row of messages/);
      await own.query('delete from messages');
      await own.query(`insert into categories (id, name) values (${OTHER}, 'more')`);
      await expect(doctor()).rejects.toThrow(/row of categories/);
      await own.query(`insert into campaign_categories (campaign_id, category_id) values (7, ${OTHER})`);
      await expect(recipientStore(database).preparable(7)).rejects.toThrow(refusal);
      await own.query(`insert into campaigns (id, name) values (${OTHER}, 'x')`);
      await expect(campaignStore(database).list()).rejects.toThrow(refusal);
      await expect(doctor()).rejects.toThrow(/row of campaigns/);
    });

    it('up to the last that is exact, they are read as they are', async () => {
      const last = Number.MAX_SAFE_INTEGER;
      await own.query(`insert into messages (id, campaign_id, contact_id, message_type, content) values (${last}, 7, 1, 'message_1', 'x')`);
      expect((await recipientStore(database).pending(7, 0, 10)).map(({ message }) => message)).toEqual([last]);
      await doctor();
    });
  });
}
