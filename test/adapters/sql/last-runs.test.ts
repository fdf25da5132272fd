import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../../src/adapters/sql/database.ts';
import { lastRuns } from '../../../src/adapters/sql/last-runs.ts';
import { isAvailable, userWithoutCreate } from '../../support/databases.ts';
import { createExistingDatabase, describeTables } from '../../support/existing-database.ts';

for (const dialect of ['sqlite', 'postgres', 'mysql'] as const) {
  describe.runIf(isAvailable(dialect))(`which run was the last of a campaign (${dialect})`, () => {
    it('is not known before one is noted, and then it is the latest, whoever asks', async () => {
      const existing = await createExistingDatabase(dialect);
      const [one, two] = [await openDatabase(existing.url), await openDatabase(existing.url)];
      const before = await describeTables(existing, dialect);
      expect(await lastRuns(one).of(42)).toBeNull();
      await lastRuns(one).note(42, 'first');
      await lastRuns(two).note(42, 'second');
      await lastRuns(two).note(41, 'another');
      expect([await lastRuns(one).of(42), await lastRuns(one).of(41), await lastRuns(one).of(40)]).toEqual(['second', 'another', null]);
      expect(await describeTables(existing, dialect)).toEqual(before);
      await Promise.all([one.close(), two.close()]);
      await existing.drop();
    });
  });
}

describe.runIf(isAvailable('postgres'))('a PostgreSQL user without the right to create', () => {
  it('has no run noted before the table is there, and is told what is missing', async () => {
    const existing = await createExistingDatabase('postgres');
    const user = await userWithoutCreate(existing);
    const database = await openDatabase(user.url);
    const runs = lastRuns(database);
    await expect(runs.note(42, 'first')).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(/table wsend_last_runs: .*permission denied/),
      next: expect.stringContaining('campaign_id bigint primary key'),
    });
    expect(await runs.of(42)).toBeNull();
    await existing.query(`create table wsend_last_runs (campaign_id bigint primary key, token varchar(100), begun_at timestamp);
      grant select, insert, update on wsend_last_runs to ${user.role}`);
    await runs.note(42, 'first');
    expect(await runs.of(42)).toBe('first');
    await database.close();
    await user.drop();
    await existing.drop();
  });
});
