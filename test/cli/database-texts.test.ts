import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAvailable, type TestDatabase } from '../support/databases.ts';
import { createExistingDatabase } from '../support/existing-database.ts';
import { expectComplaint } from './expectations.ts';
import { events, Place, QUICK, type Sandbox } from './program.ts';

// The texts of a campaign of the database: looked at before anything is sent, and by a dry run in the same way.

describe.each((['sqlite', 'postgres', 'mysql'] as const).filter(isAvailable))('the texts of a campaign in %s', (dialect) => {
  let place: Place;
  let database: TestDatabase;
  let sandbox: Sandbox;
  beforeEach(async () => {
    database = await createExistingDatabase(dialect);
    place = new Place({ ...QUICK, DATABASE_URL: database.url });
    sandbox = await place.sandbox();
    await database.query(`update contacts set first_name = 'Ama', whatsapp_verified = null where id between 1 and 6;
      delete from messages where campaign_id = 42;
      update campaigns set message_1 = 'Hello {{ first_name }}', message_2 = null where id = 42`);
  });
  afterEach(async () => {
    await place.leave();
    await database.drop();
  });

  /** Message 1 rows 9001, 9002, … of campaign 42, for contacts 1, 2, …, with these contents. */
  const rows = async (...contents: string[]) => {
    for (const [at, content] of contents.entries())
      await database.query(`insert into messages (id, campaign_id, contact_id, message_type, content, status)
        values (${9_001 + at}, 42, ${at + 1}, 'message_1', '${content}', 'pending')`);
  };
  const run = (...args: string[]) => place.run(['run', '--campaign', '42', ...args]);
  const contents = async () => (await sandbox.accepted()).map(({ message }) => message).sort();
  const dry = async (...args: string[]) => {
    const outcome = await run('--dry-run', '--json', ...args);
    expect(outcome.code, outcome.stderr).toBe(0);
    return events(outcome)[0];
  };

  it('a row without content gets its text from message_1, in the database before it is sent', async () => {
    await rows('', 'By hand', ' \n ');
    expect(await dry()).toMatchObject({
      ...{ pending: 3, unwritten: 2, refused: 0, literal: 0 },
      texts: [{ text: 'Hello Ama' }, { text: 'By hand' }, { text: 'Hello Ama' }],
    });
    const outcome = await run('--limit', '1');
    expect(outcome.code, outcome.stderr).toBe(6);
    await database.query(`update contacts set first_name = 'Other' where id between 1 and 6`);
    const kept = await database.query('select content from messages where campaign_id = 42 order by id');
    expect(kept.map(({ content }) => content)).toEqual(['Hello Ama', 'By hand', 'Hello Ama']);
    const resumed = await place.run(['resume', '42']);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(await contents()).toEqual(['By hand', 'Hello Ama', 'Hello Ama']);
  });

  it('an empty name without a default is refused before anything is sent, the row named; --skip-invalid leaves it out until it is mended', async () => {
    await rows('', '', '');
    await database.query('update contacts set first_name = null where id = 2');
    for (const outcome of [await run(), await run('--dry-run')])
      expectComplaint(
        outcome,
        2,
        /1 recipient of campaign 42 cannot be sent to:\n {2}message 9002: message_1 of campaign 42: first_name is empty/,
      );
    expect(await sandbox.accepted()).toEqual([]);
    expect(await dry('--skip-invalid')).toMatchObject({ pending: 2, refused: 1 });
    const outcome = await run('--skip-invalid', '--json');
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(events(outcome).at(-1)).toMatchObject({ total: 3, sent: 2, skipped: 1, pending: 0, failed: 0 });
    const again = await place.run(['resume', '42', '--json']);
    expect([again.code, await sandbox.accepted()]).toEqual([0, expect.objectContaining({ length: 2 })]);
    await database.query(`update contacts set first_name = 'Afi' where id = 2`);
    expect((await place.run(['resume', '42'])).code).toBe(0);
    expect(await contents()).toEqual(['Hello Afi', 'Hello Ama', 'Hello Ama']);
  });

  // What follows asks nothing of the database that is not asked above.
  if (dialect !== 'sqlite') return;

  it('made from categories: the same, the contact named', async () => {
    await database.query('update contacts set first_name = null where id = 2');
    for (const outcome of [await run(), await run('--dry-run')])
      expectComplaint(outcome, 2, /contact 2: message_1 of campaign 42: first_name is empty/);
    expect(await database.query('select id from messages where campaign_id = 42')).toEqual([]);
    const before = await dry('--skip-invalid');
    const outcome = await run('--skip-invalid', '--json');
    expect([0, 3]).toContain(outcome.code);
    expect(events(outcome).at(-1)).toMatchObject({ total: before?.pending });
    expect(before).toMatchObject({
      refused: expect.any(Number),
      texts: expect.arrayContaining([{ phone: expect.any(String), text: 'Hello Ama' }]),
    });
  });

  it('marks of a template in a text of the database are never sent unasked', async () => {
    await rows('Hello {{first_name}}', 'Fine');
    const words = /1 text of the database has marks of a template in it, .*: message 9001 begins "Hello \{\{first_name\}\}"/;
    for (const outcome of [await run(), await run('--dry-run')]) expectComplaint(outcome, 2, words);
    expect((await run('--json')).code).toBe(2);
    expect(await sandbox.accepted()).toEqual([]);
    const outcome = await run('--yes', '--limit', '1');
    expect(outcome.code, outcome.stderr).toBe(6);
    expect((await place.run(['resume', '42'])).code).toBe(0);
    expect(await contents()).toEqual(['Fine', 'Hello {{first_name}}']);
  });

  it('a message_2 that cannot be written, and a text that is empty, are refused before anything is sent', async () => {
    await rows('Hi', '');
    const refuse = async (change: string, words: RegExp) => {
      await database.query(change);
      for (const outcome of [await run(), await run('--dry-run')]) expectComplaint(outcome, 2, words);
    };
    await refuse(
      `update campaigns set message_2 = 'Thanks {{ prenom }}' where id = 42`,
      /message_2 of campaign 42, .*unknown variable prenom; the fields are/,
    );
    await refuse(`update campaigns set message_2 = 'Thanks {{ first_name' where id = 42`, /message_2 of campaign 42, line 1/);
    await refuse(
      `update contacts set last_name = '' where id = 1; update campaigns set message_2 = 'Bye {{ last_name }}' where id = 42`,
      /message 9001: message_2 of campaign 42: last_name is empty/,
    );
    await refuse(`update campaigns set message_2 = null, message_1 = '' where id = 42`, /message 9002: the text is empty/);
    expect(await sandbox.accepted()).toEqual([]);
  });
});
