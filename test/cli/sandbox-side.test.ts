import { mkdirSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { isAvailable, type TestDatabase } from '../support/databases.ts';
import { createExistingDatabase, EXISTING } from '../support/existing-database.ts';
import { expectComplaint } from './expectations.ts';
import { events, Place, QUICK, type Sandbox } from './program.ts';

// A rehearsal must never reach people, whatever became of its checkpoint. The real line is a sandbox that runs by itself.

const FAST = { ...QUICK, WASSENGER_RATE_LIMIT_SECONDS: '0' };

let place: Place;
let database: TestDatabase;
afterEach(async () => {
  await place.leave();
  await database.drop();
});

for (const dialect of ['sqlite', 'postgres', 'mysql'] as const) {
  describe.runIf(isAvailable(dialect))(`a campaign in ${dialect}`, { timeout: 60_000 }, () => {
    const begin = async (): Promise<Sandbox> => {
      database = await createExistingDatabase(dialect);
      place = new Place({ ...FAST, DATABASE_URL: database.url });
      return place.sandbox();
    };
    /** What a checkpoint lost is: the embedded one in a folder of its own, or its tables in the database itself. */
    const loseCheckpoint = async () => {
      if (dialect !== 'sqlite') return rmSync(place.path('wsend.db'));
      const tables = ['checkpoint', 'checkpoint_recipient', 'checkpoint_owner', 'checkpoint_lock', 'checkpoint_line'];
      for (const table of tables) await database.query(`drop table if exists wsend_${table}`);
    };

    it('that was begun in the sandbox goes on there when its checkpoint is lost, from any folder, without a key', async () => {
      const line = await begin();
      const first = await place.run(['run', '--campaign', '42', '--sandbox', '--limit', '5', '--json']);
      expect(first.code, first.stderr).toBe(6);
      await loseCheckpoint();
      const dry = await place.run(['resume', '42', '--dry-run'], { WASSENGER_API_KEY: '' });
      expect(dry.code, dry.stderr).toBe(0);
      expect((await place.run(['run', '--campaign', '42', '--limit', '5', '--json'])).code).toBe(6);
      await loseCheckpoint();
      mkdirSync(place.path('other'));
      const last = await place.run(['resume', '42', '--json'], { WASSENGER_API_KEY: '' }, { cwd: place.path('other') });
      expect(last.code, last.stderr).toBe(0);
      expect(events(last).at(-1)).toMatchObject({ type: 'summary', sent: EXISTING.recipients, pending: 0 });
      expect(await line.accepted()).toEqual([]);
    });

    it('that is made of a file for the sandbox is a rehearsal before its first send', async () => {
      const line = await begin();
      place.people(5);
      const run = place.start(['run', '--csv', 'people.csv', '--message', 'Hello', '--sandbox', '--json', '--delay', '2']);
      await run.tells('plan');
      run.process.kill('SIGKILL');
      await run.ended;
      const { campaign } = events({ stdout: run.stdout() })[0] as { campaign: number };
      await loseCheckpoint();
      for (const command of ['reconcile', 'retry', 'resume']) {
        const outcome = await place.run([command, String(campaign), '--json'], {
          WASSENGER_API_KEY: '',
          WASSENGER_RATE_LIMIT_SECONDS: '0',
        });
        // A retry leaves those who did not fail to a resume.
        expect(outcome.code, `${command}: ${outcome.stderr}`).toBe(command === 'retry' ? 6 : 0);
      }
      expect(await line.accepted()).toEqual([]);
    });

    it('that was begun for real does not go on in the sandbox, not even without its checkpoint', async () => {
      const line = await begin();
      expect((await place.run(['run', '--campaign', '42', '--limit', '5', '--json'])).code).toBe(6);
      const refusal = 'campaign 42 was begun on the real line; it cannot go on in the sandbox';
      expectComplaint(await place.run(['resume', '42', '--sandbox']), 2, refusal);
      await loseCheckpoint();
      expectComplaint(await place.run(['resume', '42', '--sandbox']), 2, refusal);
      expectComplaint(await place.run(['run', '--campaign', '42', '--sandbox', '--dry-run']), 2, refusal);
      expect((await place.run(['resume', '42', '--json'])).code).toBe(0);
      expect(await line.accepted()).toHaveLength(EXISTING.recipients);
    });
  });
}
