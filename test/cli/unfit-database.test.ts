import { describe, expect, it, type TestContext } from 'vitest';
import { freshDatabase, isAvailable, type TestDatabase } from '../support/databases.ts';
import { createExistingDatabase, EXISTING } from '../support/existing-database.ts';
import { limitedUser } from '../support/limited-user.ts';
import { expectComplaint, expectTidy } from './expectations.ts';
import { Place, QUICK, type Sandbox } from './program.ts';

// A database that would fail a run after its first message: nothing is sent, and doctor says so before.

interface Begun {
  database: TestDatabase;
  place: Place;
  sandbox: Sandbox;
}

/** Campaign 1, interrupted after its second message. */
async function begun(dialect: 'postgres' | 'mysql', { onTestFinished }: TestContext): Promise<Begun> {
  const database = await freshDatabase(dialect);
  onTestFinished(() => database.drop());
  const place = new Place({ ...QUICK, DATABASE_URL: database.url, WASSENGER_WEBHOOK_SECRET: 'abcdefghijklmnop1234' });
  onTestFinished(() => place.leave());
  const sandbox = await place.sandbox();
  place.people(6);
  const paused = await place.run(['run', '--csv', 'people.csv', '--message', 'Hi', '--limit', '2']);
  expect(paused.code, paused.stderr).toBe(6);
  return { database, place, sandbox };
}

async function expectRefused({ place, sandbox }: Begun, words: RegExp): Promise<void> {
  const doctor = await place.run(['doctor']);
  expect(doctor.code).toBe(2);
  expect(doctor.stdout).toMatch(new RegExp(`^PROBLEM database +.*${words.source}`, 'm'));
  expect(doctor.stdout).toMatch(/^Not ready yet\.$/m);
  expectTidy(doctor);
  place.people(7, 'more.csv');
  const file = ['run', '--csv', 'more.csv', '--message', 'Hi'];
  for (const args of [['resume', '1'], ['resume', '--all'], ['retry', '1'], file, ['listen', '--port', '0']])
    expectComplaint(await place.run(args), 2, words);
  expect(await sandbox.accepted()).toHaveLength(2);
}

describe.concurrent('an unfit database', () => {
  if (isAvailable('mysql'))
    it('messages in MyISAM: doctor says it, nothing is sent and no campaign is made', async (test) => {
      const scene = await begun('mysql', test);
      const { database, place } = scene;
      await database.query(
        'drop table interactions; alter table messages drop foreign key messages_ibfk_1, drop foreign key messages_ibfk_2',
      );
      await database.query('alter table messages engine = MyISAM');
      await expectRefused(scene, /MySQL at \S+ keeps messages in MyISAM, .*; allowed: InnoDB/);
      expect(await database.query('select id from campaigns')).toHaveLength(1);
      const told = (await place.run(['resume', '1'])).stderr;
      expect(told).toContain('Change it: alter table messages engine=InnoDB.');
      await database.query('alter table messages engine = InnoDB');
      const again = await place.run(['resume', '1']);
      expect(again.code, again.stderr).toBe(0);
    });

  for (const dialect of ['postgres', 'mysql'] as const) {
    if (!isAvailable(dialect)) continue;
    it(`a user of ${dialect} without the right to update messages: doctor says it, and nothing is sent`, async (test) => {
      const scene = await begun(dialect, test);
      const user = await limitedUser(dialect, scene.database);
      test.onTestFinished(() => user.drop());
      await user.grant('update', 'campaigns');
      for (const table of await ownTablesOf(scene.database, dialect)) await user.grant('select, insert, update, delete', table);
      Object.assign(scene.place.env, { DATABASE_URL: user.url });
      await expectRefused(scene, /does not let this user update messages/);
      const shown = await scene.place.run(['status', '1']);
      expect(shown.code, shown.stderr).toBe(0);
      await user.grant('update', 'messages');
      const again = await scene.place.run(['resume', '1']);
      expect(again.code, again.stderr).toBe(0);
      expect(await scene.sandbox.accepted()).toHaveLength(6);
    });

    it(`a user of ${dialect} without the right to create tables: nothing is sent until somebody has run what doctor --sql prints`, async (test) => {
      const database = await createExistingDatabase(dialect);
      test.onTestFinished(() => database.drop());
      const user = await limitedUser(dialect, database);
      test.onTestFinished(() => user.drop());
      await user.grant('insert, update', 'messages');
      await user.grant('update', 'campaigns');
      if (dialect === 'postgres') await user.grant('usage', 'sequence messages_id_seq');
      const place = new Place({ ...QUICK, DATABASE_URL: user.url });
      test.onTestFinished(() => place.leave());
      const sandbox = await place.sandbox();
      const words = /needs tables of its own in \S+ at \S+, and cannot make them \(/;
      const doctor = await place.run(['doctor']);
      expect([doctor.code, doctor.stdout]).toEqual([2, expect.stringMatching(new RegExp(`^PROBLEM database +wsend ${words.source}`, 'm'))]);
      for (const { stdout, stderr } of [doctor, await place.run(['run', '--campaign', '42'])])
        expect(stdout + stderr).toContain('Ask a database user who may create tables to run the SQL that wsend doctor --sql prints.');
      expectComplaint(await place.run(['run', '--campaign', '42']), 2, words);
      expect((await place.run(['status', '42'])).code).toBe(0);
      expect([await ownTablesOf(database, dialect), await sandbox.accepted()]).toEqual([[], []]);

      const { code, stdout: text } = await place.run(['doctor', '--sql']);
      expect(code).toBe(0);
      await database.query(text);
      const name = decodeURIComponent(new URL(user.url).username);
      const whom = dialect === 'mysql' ? `'${name}'@'%'` : name;
      const grants = text.split('\n').filter((line) => line.startsWith('-- grant '));
      for (const grant of grants) await database.query(grant.slice('-- '.length).replaceAll('<user>', whom));
      const outcome = await place.run(['run', '--campaign', '42', '--json']);
      expect(outcome.code, outcome.stderr).toBe(0);
      expect(await sandbox.accepted()).toHaveLength(EXISTING.recipients);
      const again = await place.run(['doctor', '--sql']);
      expect([again.code, again.stdout, again.stderr]).toEqual([0, '', expect.stringContaining('there is nothing to run')]);
    });
  }
});

async function ownTablesOf({ query }: TestDatabase, dialect: 'postgres' | 'mysql'): Promise<string[]> {
  const schema = dialect === 'postgres' ? `'public'` : 'database()';
  const tables = await query(`select table_name as name from information_schema.tables where table_schema = ${schema}`);
  return tables.map(({ name }) => String(name)).filter((name) => name.startsWith('wsend_'));
}
