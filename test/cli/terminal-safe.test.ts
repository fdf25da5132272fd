import { renameSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Place, QUICK } from './program.ts';

/** Sets the title, clears the screen (8-bit too), goes back over the line, turns the writing direction. */
const EVIL = 'x\u001b]0;owned\u0007\u001b[2J\u009b2Jover\rwrite\u202Eesrever';

/** The same as a file's cell: a carriage return ends a line there. */
const STORED = EVIL.replace('\r', '\n');

/** What is left once our own colours and the bar's few codes are taken out. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const dangerous = (text: string) => text.match(/\u001b\]|\u001b\[2J|[\u0080-\u009f\u202e\u0007]|\rwrite/g);

describe('escape sequences in what comes from outside', () => {
  let place: Place;
  beforeAll(async () => {
    place = new Place(QUICK);
    await place.sandbox();
    place.write('people.csv', `phone,name,first_name\n+2290100001111,"${EVIL}","${EVIL}"\n+2290100021111,Ben,Ben\n`);
  });
  afterAll(() => place.leave());

  const inTerminal = async (...args: string[]) => (await place.startInTerminal(args, 100).ended).stdout;

  it('never reach a terminal by --dry-run, also with --json', async () => {
    const run = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--dry-run'];
    const shown = await inTerminal(...run);
    expect(shown).toContain('writeesrever');
    expect(dangerous(shown)).toBeNull();
    expect(dangerous(await inTerminal(...run, '--json'))).toBeNull();
  });

  it('nor by the name of a file or a column, in errors and notices', async () => {
    const name = `${EVIL.replace('\r', '')}.csv`;
    renameSync(place.path(place.write('odd.csv', `phone,x\nabc,1\n+2290100001111,${EVIL}\n`)), place.path(name));
    for (const args of [
      ['run', '--csv', name, '--message', '[x]{y}'],
      ['run', '--csv', `${name}.not`, '--message', 'x'],
      ['run', '--csv', 'people.csv', '--phone-column', EVIL, '--message', 'x'],
      ['run', '--csv', 'people.csv', '--message', `{${EVIL}}`, '--dry-run'],
    ]) {
      const shown = await inTerminal(...args);
      expect(shown).not.toBe('');
      expect(dangerous(shown), JSON.stringify(shown)).toBeNull();
    }
  });

  it('nor by run, status and report; report in a pipe is true to the byte', async () => {
    const run = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--name', `Term ${EVIL}`, '--yes'];
    for (const args of [run, ['status'], ['status', '1'], ['report', '1'], ['report', '1', '--json'], ['status', '1', '--json']])
      expect(dangerous(await inTerminal(...args)), args.join(' ')).toBeNull();
    const { stdout } = await place.run(['report', '1']);
    expect(stdout).toContain(STORED);
    const json = await place.run(['report', '1', '--json']);
    expect(JSON.parse(json.stdout.split('\n')[0] ?? '')).toMatchObject({ first_name: STORED });
  });
});
