import { describe, expect, it, type TestContext } from 'vitest';
import { freshDatabase, isAvailable, type TestDatabase } from '../support/databases.ts';
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
      Object.assign(scene.place.env, { DATABASE_URL: user.url });
      await expectRefused(scene, /does not let this user update messages/);
      const shown = await scene.place.run(['status', '1']);
      expect(shown.code, shown.stderr).toBe(0);
      await user.grant('update', 'messages');
      const again = await scene.place.run(['resume', '1']);
      expect(again.code, again.stderr).toBe(0);
      expect(await scene.sandbox.accepted()).toHaveLength(6);
    });
  }
});
