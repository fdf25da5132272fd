import { describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../src/adapters/sql/database.ts';
import { importStore } from '../../../src/adapters/sql/import-store.ts';
import { sandboxMarks } from '../../../src/adapters/sql/sandbox-marks.ts';
import { createMissingTables } from '../../../src/adapters/sql/schema.ts';
import type { PlannedRecipient } from '../../../src/ports.ts';
import { freshDatabase, isAvailable, type TestDatabase, userWithoutCreate } from '../../support/databases.ts';
import { createExistingDatabase, describeTables } from '../../support/existing-database.ts';

const PERSON: PlannedRecipient = {
  ...{ phone: '+2290196999999', countryCode: null, firstName: null, lastName: null },
  ...{ message1: 'Hi', message2: null },
};

function plan(sandbox: boolean) {
  const recipients = async function* () {
    yield PERSON;
  };
  return { name: 'x', message1: 'Hi', message2: null, fingerprint: `f-${sandbox}`, sandbox, recipients: recipients() };
}

for (const dialect of ['sqlite', 'postgres', 'mysql'] as const) {
  describe.runIf(isAvailable(dialect))(`that a campaign is a rehearsal (${dialect})`, () => {
    it('is not so before anything says it, and is kept with the campaign once it is', async () => {
      const existing = await createExistingDatabase(dialect);
      const [one, two] = [await openDatabase(existing.url), await openDatabase(existing.url)];
      const before = await describeTables(existing, dialect);
      const marks = sandboxMarks(one);
      expect(await marks.has(42)).toBe(false);
      await marks.set(42);
      await marks.set(42);
      expect([await marks.has(42), await marks.has(41)]).toEqual([true, false]);
      expect(await sandboxMarks(two).has(42)).toBe(true);
      expect(await describeTables(existing, dialect)).toEqual(before);
      await leave(existing, one, two);
    });

    it('is so from the very beginning for one that is made of a file for it', async () => {
      const fresh = await freshDatabase(dialect);
      const database = await openDatabase(fresh.url);
      await createMissingTables(database);
      const imports = importStore(database);
      const rehearsal = await imports.createCampaign(plan(true));
      const real = await imports.createCampaign(plan(false));
      const marks = sandboxMarks(database);
      expect([await marks.has(rehearsal.campaign), await marks.has(real.campaign)]).toEqual([true, false]);
      await leave(fresh, database);
    });
  });
}

describe.runIf(isAvailable('postgres'))('a PostgreSQL user without the right to create', () => {
  it('cannot rehearse before the table is there, and is told what is missing', async () => {
    const existing = await createExistingDatabase('postgres');
    const user = await userWithoutCreate(existing);
    const database = await openDatabase(user.url);
    const marks = sandboxMarks(database);
    expect(await marks.has(42)).toBe(false);
    const refused = { name: 'UsageError', message: expect.stringMatching(/table wsend_sandbox_campaigns .*permission denied/) };
    await expect(marks.set(42)).rejects.toMatchObject({ ...refused, next: expect.stringContaining('campaign_id bigint primary key') });
    await existing.query('create table wsend_sandbox_campaigns (campaign_id bigint primary key, created_at timestamp)');
    await existing.query(`grant select on wsend_sandbox_campaigns to ${user.role}`);
    await expect(marks.set(42)).rejects.toMatchObject(refused);
    await existing.query(`grant insert on wsend_sandbox_campaigns to ${user.role}`);
    await marks.set(42);
    expect(await marks.has(42)).toBe(true);
    await database.close();
    await user.drop();
    await existing.drop();
  });
});

async function leave(test: TestDatabase, ...databases: Database[]): Promise<void> {
  await Promise.all(databases.map((database) => database.close()));
  await test.drop();
}
