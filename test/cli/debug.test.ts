import { afterAll, expect, test } from 'vitest';
import { Place } from './program.ts';

const place = new Place({ DATABASE_URL: 'postgres://postgres@127.0.0.1:1/nothing' });
afterAll(() => place.leave());

test('--debug names lines of the sources, and without it there is no stack', async () => {
  const { stderr } = await place.run(['status', '--debug']);
  expect(stderr).toMatch(/ at .*src\/commands\/status\.ts:\d+/);
  expect((await place.run(['status'])).stderr).not.toMatch(/^\s+at /m);
});
