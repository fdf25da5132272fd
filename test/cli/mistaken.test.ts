import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/adapters/sql/open/sql-database.ts';
import { Place, QUICK } from './program.ts';

describe('marks of another program in a text', () => {
  let place: Place;
  beforeAll(async () => {
    place = new Place(QUICK);
    await place.sandbox();
    place.people(2);
  });
  afterAll(() => place.leave());

  it('of a file are said before the send, for both messages, with what to write', async () => {
    const args = ['run', '--csv', 'people.csv', '--message', 'Hello {name}\\nWelcome', '--message-2', 'Thanks [name]'];
    const { code, stderr } = await place.run([...args, '--yes']);
    expect(code).toBe(0);
    expect(stderr).toContain("--message: {name} is sent as it stands; for each person's own, write {{ name }}");
    expect(stderr).toContain('--message: \\n is sent as it stands; write a real line end instead');
    expect(stderr).toContain("--message-2: [name] is sent as it stands; for each person's own, write {{ name }}");
    expect(stderr.indexOf('{name} is sent')).toBeLessThan(stderr.indexOf('to send'));
  });

  it('of a campaign of the database too, also with --dry-run', async () => {
    const database = await openDatabase(`sqlite:${place.path('wsend.db')}`, { now: Date.now });
    await database.db.updateTable('campaigns').set({ message_1: 'Hi {{1}}', message_2: 'Thanks %first_name%' }).execute();
    await database.close();
    const { stderr } = await place.run(['run', '--campaign', '1', '--dry-run']);
    expect(stderr).toContain('message_1 of campaign 1: {{1}} is sent as it stands; that is a 1 for everyone; name a column');
    expect(stderr).toContain("message_2 of campaign 1: %first_name% is sent as it stands; for each person's own, write {{ first_name }}");
  });
});
