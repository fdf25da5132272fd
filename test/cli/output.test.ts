import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, type TestContext } from 'vitest';
import { faultsOf } from '../docs/schema.ts';
import { type freshDatabase, isAvailable } from '../support/databases.ts';
import { createExistingDatabase, describeTables } from '../support/existing-database.ts';
import { expectComplaint, expectEveryoneOnce, expectSum } from './expectations.ts';
import { events, Place, phones, QUICK } from './program.ts';

const RUN = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}'];
const COMMANDS = ['run', 'resume', 'retry', 'estimate', 'status', 'pause', 'reconcile', 'verify', 'doctor', 'sandbox'];

type Finished = TestContext['onTestFinished'];

function placeWith(people: number, finished: Finished, env: Record<string, string> = QUICK): Place {
  const place = new Place(env);
  finished(() => place.leave());
  place.people(people);
  return place;
}

describe.concurrent('--json', { timeout: 60_000 }, () => {
  it('a whole run: every line an object, type first, the plan first and the summary last, with the promised fields and counts that add up', async ({
    onTestFinished,
  }) => {
    const place = placeWith(60, onTestFinished);
    const refused = phones(60).filter((_, i) => i % 12 === 5);
    await place.sandbox(`reject=${refused.join(',')}`, 'reset-before=0.2', 'latency=5-20');
    const outcome = await place.run([...RUN, '--json', '--batch-size', '25', '--batch-pause', '0.2'], { MAX_RETRY_ATTEMPTS: '9' });
    expect(outcome.code, outcome.stderr).toBe(3);
    expect(outcome.stderr.split('\n')).toEqual([
      'people.csv: 60 rows, 60 valid, 0 duplicates dropped, 0 refused',
      'Campaign 1 was made from people.csv: 60 recipients.',
      '',
    ]);

    const lines = outcome.stdout.trimEnd().split('\n');
    const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const line of lines) expect(line).toMatch(/^\{"type":"/);
    expect([told[0]?.type, told.at(-1)?.type]).toEqual(['plan', 'summary']);
    expect(told.filter(({ type }) => type === 'plan' || type === 'summary')).toHaveLength(2);

    for (const event of told) expect(faultsOf(event as { type: string })).toBe('');
    const seen = new Set(told.map(({ type }) => type));
    for (const type of ['plan', 'sent', 'failed', 'retry', 'batch', 'delay', 'rest', 'summary']) expect(seen).toContain(type);

    const summary = told.at(-1) as Record<string, unknown>;
    expectSum(summary);
    const sent = told.filter(({ type }) => type === 'sent');
    expect(summary).toMatchObject({
      total: 60,
      sent: sent.length,
      failed: refused.length,
      exit_code: 3,
      next: 'wsend retry 1',
      failures: [{ code: 'phone:invalid', count: refused.length }],
    });
    expect(told.flatMap(({ type, phone }) => (type === 'failed' ? [phone] : [])).sort()).toEqual([...refused].sort());
    expect(new Set(sent.map(({ reference }) => reference)).size).toBe(sent.length);
    expect(told[0]).toMatchObject({
      campaign: 1,
      total: 60,
      pending: 60,
      delay_seconds: 0.02,
      batch_size: 25,
      batch_pause_seconds: 0.2,
      eta_seconds: 1.68,
      sandbox: false,
    });
    expect(told[0]?.ends_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('status of one and of all: the same counts', async ({ onTestFinished }) => {
    const place = placeWith(12, onTestFinished);
    await place.sandbox();
    const none = await place.run(['status', '--json']);
    expect(none).toMatchObject({ code: 0, stdout: '{"type":"status","campaigns":[]}\n', stderr: '' });
    await place.run([...RUN, '--limit', '5']);
    const [one, all] = [await place.run(['status', '1', '--json']), await place.run(['status', '--json'])];
    expect([one.code, one.stderr, all.code, all.stderr]).toEqual([0, '', 0, '']);
    const state = JSON.parse(one.stdout);
    expect(Object.keys(state)[0]).toBe('type');
    expect(state).toMatchObject({
      type: 'status',
      campaign: 1,
      name: 'people.csv',
      status: 'sending',
      state: 'paused',
      total: 12,
      sent: 5,
      failed: 0,
      pending: 7,
      in_doubt: 0,
      skipped: 0,
      next: 'wsend resume 1',
    });
    expectSum(state);
    expect(JSON.parse(all.stdout).campaigns).toMatchObject([{ campaign: 1, total: 12, sent: 5, pending: 7, state: 'paused' }]);
  });

  it('a fatal error: one object on stderr, nothing on stdout', async ({ onTestFinished }) => {
    const place = placeWith(1, onTestFinished);
    await place.sandbox();
    const outcome = await place.run(['resume', '7', '--json']);
    expect([outcome.code, outcome.stdout, outcome.stderr.split('\n').length]).toEqual([2, '', 2]);
    expect(JSON.parse(outcome.stderr)).toEqual({
      type: 'error',
      code: 2,
      message: 'there is no campaign 7 in the database',
      next: expect.any(String),
    });
  });
});

describe.concurrent('estimate', { timeout: 60_000 }, () => {
  it('of a count: 56 min 40 s, compared with a cautious pace of 1 h 43 min 20 s', async ({ onTestFinished }) => {
    const place = placeWith(1, onTestFinished, {});
    const human = await place.run(['estimate', '--count', '1000']);
    expect(human).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(
        /^1000 recipients: 56 min 40 s, until .+\n.*every 3 s, 30 s pause after each 75.*\n.*1 h 43 min 20 s, 46 min 40 s saved/,
      ),
    });
    const older = await place.run(['estimate', '--count', '1000', '--delay', '5', '--batch-size', '50', '--batch-pause', '60']);
    expect(older.stdout).toContain('1000 recipients: 1 h 43 min 20 s, until ');
    const json = await place.run(['estimate', '--count', '1000', '--json']);
    expect(json).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(json.stdout)).toEqual({
      type: 'estimate',
      count: 1000,
      delay_seconds: 3,
      batch_size: 75,
      batch_pause_seconds: 30,
      eta_seconds: 3400,
      ends_at: expect.stringMatching(/Z$/),
    });
    expect(readdirSync(place.folder)).toEqual(['people.csv']);
  });

  it('of a file and of a campaign: those who would be sent to', async ({ onTestFinished }) => {
    const place = placeWith(40, onTestFinished, {});
    place.write('more.csv', `${readFileSync(place.path('people.csv'))}${phones(1)[0]},Twice\n12,Wrong\n`);
    const file = await place.run(['estimate', '--csv', 'more.csv', '--json']);
    expect(JSON.parse(file.stdout)).toMatchObject({ count: 40, eta_seconds: 136 });
    expect((await place.run(['estimate', '--csv', 'people.csv'])).stdout).toContain('40 recipients: 2 min 16 s, until ');
    expect(readdirSync(place.folder).sort()).toEqual(['more.csv', 'people.csv']);

    await place.sandbox();
    await place.run([...RUN, '--limit', '10'], QUICK);
    const campaign = await place.run(['estimate', '--campaign', '1', '--json']);
    expect(JSON.parse(campaign.stdout)).toMatchObject({ count: 30, eta_seconds: 102 });
    expect((await place.run(['estimate', '--campaign', '1'])).stdout).toContain('30 recipients: 1 min 42 s, until ');
  });
});

describe.concurrent('what a person sees', { timeout: 60_000 }, () => {
  it('in a pipe: the result on stdout, everything else on stderr, no colour and no bar', async ({ onTestFinished }) => {
    const place = placeWith(12, onTestFinished);
    await place.sandbox(`reject=${phones(12)[4]}`);
    const { code, stdout, stderr } = await place.run(RUN);
    expect(code, stderr).toBe(3);
    expect(stdout).toMatch(
      /^Campaign 1 is finished, but 1 failed\n {2}sent +11\n {2}failed +1\n {2}in doubt +0\n {2}pending +0\n {2}total +12\n {2}took +.*\n {2}answers +median .*\nFailed:\n {2}1 × phone:invalid .*\nNext: wsend retry 1\n$/,
    );
    expect(stderr).toMatch(
      /^Campaign 1, people\.csv\n {2}to send +12 recipients\n {2}pace +one message every 0\.02 s.*\n {2}batches +1\n {2}takes +about .*, until .*\n/m,
    );
    expect(stderr).toMatch(/^\d\d:\d\d:\d\d {2}failed {2}\+229\*+11 {2}phone:invalid: /m);
    expect(stdout + stderr).not.toMatch(/\d{8}/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there.
    expect(stdout + stderr).not.toMatch(/[\x1b\r█░]/);
  });

  it('with --quiet: one line', async ({ onTestFinished }) => {
    const place = placeWith(12, onTestFinished);
    await place.sandbox(`reject=${phones(12)[4]}`);
    const outcome = await place.run([...RUN, '--quiet']);
    expect(outcome).toMatchObject({ code: 3, stdout: 'Campaign 1: 11 of 12 sent, 1 failed. Next: wsend retry 1\n', stderr: '' });
  });

  it('status: a table of all, and one in detail', async ({ onTestFinished }) => {
    const place = placeWith(12, onTestFinished);
    await place.sandbox(`reject=${phones(12)[4]}`);
    expect((await place.run(['status'])).stdout).toMatch(/^No campaigns yet\.\nNext: wsend run --csv /);
    await place.run([...RUN, '--name', 'Summer term', '--limit', '6']);
    const table = await place.run(['status']);
    expect(table).toMatchObject({ code: 0, stderr: '' });
    expect(table.stdout).toMatch(
      /^id +name +state +total +sent +failed +in doubt +pending +updated\n +1 +Summer term +paused +12 +5 +1 +0 +6 /,
    );
    const detail = await place.run(['status', '1']);
    expect(detail).toMatchObject({ code: 0, stderr: '' });
    expect(detail.stdout).toMatch(
      /^Campaign 1, Summer term\n {2}state +paused\n {2}paused +\d\d:\d\d, the limit is reached \(--limit 6 reached\)\n[\s\S]*Failed:\n {2}1 × phone:invalid .*\nNext: wsend resume 1\n$/,
    );
  });

  it('doctor: each part by itself, and the exit code of the first problem', async ({ onTestFinished }) => {
    const place = placeWith(1, onTestFinished);
    const sandbox = await place.sandbox();
    const ready = await place.run(['doctor']);
    expect(ready).toMatchObject({ code: 0, stderr: '' });
    expect(ready.stdout).toMatch(
      /^ok +configuration .*\nok +database .*\nok +checkpoint .*\nok +line +sandbox is ready\nEverything is ready\.\n$/,
    );
    await sandbox.set({ line: 'banned' });
    const banned = await place.run(['doctor', '--json']);
    expect([banned.code, banned.stderr]).toEqual([4, '']);
    expect(JSON.parse(banned.stdout)).toMatchObject({
      type: 'doctor',
      ready: false,
      findings: expect.arrayContaining([expect.objectContaining({ what: 'line', state: 'problem', detail: 'the device is banned' })]),
    });
    await sandbox.set({ line: 'offline' });
    const offline = await place.run(['doctor']);
    expect(offline).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^warning line +not ready now: .*\nNo problem was found, but see the warning above\.\n$/m),
    });
    expect(JSON.parse((await place.run(['doctor', '--json'])).stdout)).toMatchObject({ ready: true });
    const wrong = await place.run(['doctor'], { WASSENGER_DEVICE_ID: '', DATABASE_URL: 'sqlite:no/such/folder.db' });
    expect(wrong).toMatchObject({
      code: 2,
      stdout: expect.stringMatching(/^PROBLEM +configuration[\s\S]*^PROBLEM +database .*\n {22}Check the path/m),
    });
  });

  it('doctor: what fails once is one problem, and what could not be looked at is not blamed', async ({ onTestFinished }) => {
    const place = placeWith(1, onTestFinished, { WASSENGER_API_KEY: 'has space', WASSENGER_DEVICE_ID: 'x' });
    const wrong = await place.run(['doctor']);
    expect(wrong.code).toBe(2);
    expect(wrong.stdout.split('\n')).toEqual([
      expect.stringMatching(/^PROBLEM configuration WASSENGER_API_KEY /),
      expect.stringMatching(/^PROBLEM configuration WASSENGER_DEVICE_ID /),
      'warning database      not checked: the configuration is wrong',
      'warning checkpoint    not checked: the configuration is wrong',
      'warning line          not checked: the configuration is wrong',
      'Not ready yet.',
      '',
    ]);
    const env = { WASSENGER_API_KEY: '', WASSENGER_DEVICE_ID: '' };
    const lost = await place.run(['doctor', '--sandbox', '--json'], { ...env, WSEND_SANDBOX_FILE: 'no/such/folder.db' });
    expect(lost.code).toBe(1);
    expect(JSON.parse(lost.stdout).findings).toMatchObject([
      { what: 'configuration', state: 'ready' },
      { what: 'database', state: 'problem' },
      { what: 'checkpoint', state: 'warning', detail: 'not checked: it needs the database' },
      { what: 'line', state: 'warning', detail: 'not checked: it needs the database' },
    ]);
    // A rehearsal of a file needs neither a key nor the operator's database.
    const rehearsal = await place.run(['doctor', '--sandbox', '--json'], { ...env, DATABASE_URL: 'sqlite:no/such/folder.db' });
    expect([rehearsal.code, JSON.parse(rehearsal.stdout).ready]).toEqual([0, true]);
  });

  it('help of every command and the version, on stdout with exit code 0', async ({ onTestFinished }) => {
    const place = placeWith(1, onTestFinished);
    const help = await place.run(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(Math.max(...help.stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    for (const command of COMMANDS) {
      expect(await place.run([command, '-h'])).toEqual(await place.run([command, '--help']));
      expect(help.stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
      const own = await place.run([command, '--help']);
      expect(own, command).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining(`Usage: wsend ${command}`) });
      for (const flag of ['--json', '--quiet', '--no-color', '--env-file', '-h, --help']) expect(own.stdout, command).toContain(flag);
      expect(own.stdout, command).toMatch(new RegExp(`\\nExamples:\\n  wsend ${command}( |$)`, 'm'));
    }
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await place.run(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each([
    ['stdout', '| head -n 1', '--json'],
    ['stdout and stderr', '2>&1 | head -n 1', '--yes'],
  ])('%s closed by the reader: the campaign goes on to its end', async (_what, pipe, flag) => {
    const place = new Place(QUICK);
    try {
      place.people(40);
      const sandbox = await place.sandbox('latency=5');
      const through = (command: string): [string, ...string[]] => ['sh', '-c', `{ ${command}; echo $? > code; } ${pipe}`];
      const outcome = await place.run([...RUN, flag], {}, { through });
      expect(outcome.stdout.split('\n')).toHaveLength(2);
      expect(readFileSync(place.path('code'), 'utf8')).toBe('0\n');
      expect(await sandbox.accepted()).toHaveLength(40);
      await expectEveryoneOnce(place, sandbox, phones(40));
    } finally {
      await place.leave();
    }
  });
});

describe.skipIf(!existsSync('/dev/full')).concurrent('a stdout that cannot be written', { timeout: 60_000 }, () => {
  const through = (command: string): [string, ...string[]] => ['sh', '-c', `${command} > /dev/full`];
  const LOST = /^wsend: the result could not be written: no space left on device\n {2}next: .+\n$/;

  it('is said in one line with exit code 1, whatever should have been shown', async ({ onTestFinished }) => {
    const place = placeWith(12, onTestFinished);
    await place.sandbox();
    expect((await place.run([...RUN, '--json'])).code).toBe(0);
    for (const args of [['report', '1'], ['status'], ['estimate', '--count', '9'], ['--help']])
      expect(await place.run(args, {}, { through }), args.join(' ')).toMatchObject({ code: 1, stderr: expect.stringMatching(LOST) });
    const json = await place.run(['status', '--json'], {}, { through });
    expect(JSON.parse(json.stderr)).toMatchObject({ type: 'error', code: 1, message: expect.stringContaining('no space left') });
  });

  it('is said of a file, too, that takes the beginning and no more', async ({ onTestFinished }) => {
    const place = placeWith(1, onTestFinished, {});
    const small = (command: string): [string, ...string[]] => ['sh', '-c', `trap '' XFSZ; ulimit -f 1; ${command} > out.json`];
    const outcome = await place.run(['sandbox', '--fault', 'list'], {}, { through: small });
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining('the result could not be written: file too large') });
    expect(readFileSync(place.path('out.json')).length).toBeGreaterThan(0);
  });

  it('keeps no run from its end: everyone gets it, and the code is 1 where it would be 0, else its own', async ({ onTestFinished }) => {
    const place = placeWith(12, onTestFinished);
    const sandbox = await place.sandbox();
    const all = await place.run([...RUN, '--json', '--quiet'], {}, { through });
    expect([all.code, all.stderr.trim().split('\n').length]).toEqual([1, 1]);
    expect(await sandbox.accepted()).toHaveLength(12);
    await sandbox.set({ reject: phones(12)[4] });
    const some = await place.run([...RUN, '--again', '--quiet'], {}, { through });
    expect(some).toMatchObject({ code: 3, stderr: expect.stringMatching(LOST) });
    expect(await sandbox.accepted()).toHaveLength(23);
  });
});

describe.concurrent('--dry-run writes nothing', { timeout: 60_000 }, () => {
  it('of a file: no database, no list of refused rows; the first texts with hidden numbers', async ({ onTestFinished }) => {
    const place = placeWith(5, onTestFinished, {
      WASSENGER_API_KEY: 'sandbox-key-of-no-value',
      WASSENGER_DEVICE_ID: '5a4db0c5e4d0000000000001',
    });
    place.write('some.csv', `${readFileSync(place.path('people.csv'))}12,Wrong\n`);
    const before = readdirSync(place.folder);
    const outcome = await place.run([...RUN, '--dry-run']);
    expect(outcome).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^Nothing was sent\. 5 recipients would take 17 s\. The first texts:\n {2}\+229\*+11: Hello Person 0\n/,
      ),
    });
    const json = await place.run([...RUN, '--dry-run', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ type: 'dry_run', total: 5, duplicates: 0, refused: 0, eta_seconds: 17 });
    expectComplaint(await place.run(['run', '--csv', 'some.csv', '--message', 'Hi', '--dry-run']), 2, '1 row of some.csv cannot be sent');
    expect((await place.run(['run', '--csv', 'some.csv', '--message', 'Hi', '--dry-run', '--skip-invalid'])).code).toBe(0);
    expect(readdirSync(place.folder)).toEqual(before);
  });

  it('of a text whose variable is no column and has a default: said, as before the send', async ({ onTestFinished }) => {
    const place = placeWith(2, onTestFinished);
    await place.sandbox();
    const args = ['run', '--csv', 'people.csv', '--message', 'Hi {{ nom | default: "you" }}'];
    for (const flags of [['--dry-run'], []]) {
      const { code, stderr } = await place.run([...args, ...flags]);
      expect([code, stderr]).toEqual([0, expect.stringContaining('\n  {{ nom }} is no column of people.csv; everyone gets its default\n')]);
    }
  });

  it('of a campaign: the database file is the same byte for byte', async ({ onTestFinished }) => {
    const place = placeWith(12, onTestFinished);
    const sandbox = await place.sandbox();
    await place.run([...RUN, '--limit', '5']);
    const before = contents(place.folder);
    for (const args of [
      ['run', '--campaign', '1'],
      ['resume', '1'],
      ['resume', '--all'],
      ['retry', '1'],
    ]) {
      const outcome = await place.run([...args, '--dry-run']);
      expect(outcome.code, outcome.stderr).toBe(0);
    }
    const { stdout } = await place.run(['resume', '1', '--dry-run', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'dry_run', campaign: 1, total: 12, pending: 7, eta_seconds: 0.149 });
    expect(contents(place.folder)).toEqual(before);
    expect(await sandbox.accepted()).toHaveLength(5);
  });

  for (const dialect of ['sqlite', 'postgres', 'mysql'] as const) {
    if (!isAvailable(dialect)) continue;
    it(`of a campaign in an existing ${dialect} database, nor do estimate and status: no table, no row, no file`, async ({
      onTestFinished,
    }) => {
      const database = await createExistingDatabase(dialect);
      const place = placeWith(1, onTestFinished, { ...QUICK, DATABASE_URL: database.url });
      onTestFinished(() => database.drop());
      await place.sandbox();
      const tables = await describeTables(database, dialect);
      const before = await allTables(database, dialect);
      for (const args of [['run', '--campaign', '42', '--dry-run'], ['estimate', '--campaign', '42'], ['status'], ['status', '42']]) {
        const outcome = await place.run(args);
        expect(outcome.code, outcome.stderr).toBe(0);
      }
      expect(await describeTables(database, dialect)).toEqual(tables);
      expect(await allTables(database, dialect)).toEqual(before);
      expect(await database.query('select count(*) as n from messages')).toEqual(
        await database.query('select count(*) as n from messages where campaign_id <> 42'),
      );
      expect(readdirSync(place.folder)).toEqual(['people.csv']);
    });
  }
});

describe.concurrent('a file of people', { timeout: 60_000 }, () => {
  it('with the same text again is refused with the campaign that it is, however it is laid out; another text is another campaign', async ({
    onTestFinished,
  }) => {
    const place = placeWith(6, onTestFinished);
    const sandbox = await place.sandbox();
    expect((await place.run(RUN)).code).toBe(0);
    expectComplaint(await place.run(RUN), 2, /^wsend: this file with this text is campaign 1 already$/m);
    const rows = readFileSync(place.path('people.csv'), 'utf8');
    place.write('other.csv', `\uFEFF${rows.replaceAll(',', ';').replaceAll('\n', '\r\n')}`);
    expectComplaint(
      await place.run(['run', '--csv', 'other.csv', '--message', 'Hello {{name}}']),
      2,
      'this file with this text is campaign 1 already',
    );
    expect(await sandbox.accepted()).toHaveLength(6);

    expect((await place.run([...RUN, '--again'])).code).toBe(0);
    expect((await place.run([...RUN, '--again'])).code).toBe(0);
    expect((await place.run(['run', '--csv', 'people.csv', '--message', 'Goodbye {{name}}'])).code).toBe(0);
    expect(await sandbox.accepted()).toHaveLength(24);
    expect(JSON.parse((await place.run(['status', '--json'])).stdout).campaigns).toHaveLength(4);
  });

  it('with refused rows and duplicates: nothing is sent, the rows are in .rejected.csv; --skip-invalid sends the rest', async ({
    onTestFinished,
  }) => {
    const place = placeWith(4, onTestFinished);
    const sandbox = await place.sandbox();
    const [first = ''] = phones(1);
    place.write(
      'people.csv',
      `${readFileSync(place.path('people.csv'))}12,Short\n${first},Twice\n,Nobody\n${first.replace('+', '00')},Thrice\n`,
    );
    const refused = await place.run(RUN);
    expectComplaint(refused, 2, /2 rows of people\.csv cannot be sent:\n {2}line 6: .*\n {2}line 8: .*\n.*--skip-invalid/);
    expect(refused.stderr).toContain('people.csv: 8 rows, 4 valid, 2 duplicates dropped, 2 refused');
    expect(readFileSync(place.path('people.csv.rejected.csv'), 'utf8')).toMatch(/^line,reason,phone,name\n6,.*,12,Short\n8,.*,,Nobody\n$/);
    expect(await sandbox.accepted()).toEqual([]);
    expect(existsSync(place.path('wsend.db')) && JSON.parse((await place.run(['status', '--json'])).stdout).campaigns.length > 0).toBe(
      false,
    );

    const outcome = await place.run([...RUN, '--skip-invalid', '--json']);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(events(outcome).at(-1)).toMatchObject({ total: 4, sent: 4 });
    await expectEveryoneOnce(place, sandbox, phones(4));
  });

  it('edited after the campaign was made changes nothing, nor does its text file', async ({ onTestFinished }) => {
    const place = placeWith(12, onTestFinished);
    const sandbox = await place.sandbox();
    place.write('text.txt', 'Hello {{name}}\n');
    expect((await place.run(['run', '--csv', 'people.csv', '--message', '@text.txt', '--limit', '4'])).code).toBe(6);
    place.write('people.csv', 'phone,name\n+2290199991111,Somebody else\n');
    place.write('text.txt', 'Goodbye');
    await expectEveryoneOnce(place, sandbox, phones(12));
    const texts = (await sandbox.accepted()).map(({ message }) => message);
    expect(texts.sort()).toEqual(Array.from({ length: 12 }, (_, i) => `Hello Person ${i}`).sort());
  });
});

describe.concurrent('a setting that is changed in .env while it runs', { timeout: 60_000 }, () => {
  it('applies from the next batch on; one that is not allowed is told and not used', async ({ onTestFinished }) => {
    const { WASSENGER_RATE_LIMIT_SECONDS: _, ...env } = QUICK;
    const place = placeWith(40, onTestFinished, env);
    await place.sandbox();
    place.write('.env', 'WASSENGER_RATE_LIMIT_SECONDS=0.1\nWASSENGER_BATCH_SIZE=10\n');
    const running = place.start([...RUN, '--json']);
    await running.tells('sent', 3);
    place.write('.env', 'WASSENGER_RATE_LIMIT_SECONDS=0.15\nWASSENGER_BATCH_SIZE=10\n');
    await running.tells('sent', 13);
    place.write('.env', 'WASSENGER_RATE_LIMIT_SECONDS=soon\nWASSENGER_BATCH_SIZE=10\n');
    const outcome = await running.ended;
    expect(outcome.code, outcome.stderr).toBe(0);
    const told = events(outcome);
    expect(told.filter(({ type }) => type === 'delay')).toMatchObject([{ from_seconds: 0.1, to_seconds: 0.15, cause: 'configuration' }]);
    const warnings = told.filter(({ type, level }) => type === 'notice' && level === 'warning');
    expect(warnings).toMatchObject([{ text: expect.stringMatching(/the changed settings are not used: .*"soon"/) }]);
    expect(told.at(-1)).toMatchObject({ sent: 40 });
  });
});

/** Every file of a folder, by its content. */
function contents(folder: string): Record<string, string> {
  const hash = (name: string) =>
    createHash('sha256')
      .update(readFileSync(`${folder}/${name}`))
      .digest('hex');
  return Object.fromEntries(readdirSync(folder).map((name) => [name, hash(name)]));
}

async function allTables(database: Awaited<ReturnType<typeof freshDatabase>>, dialect: 'sqlite' | 'postgres' | 'mysql'): Promise<unknown> {
  const names = {
    sqlite: "select name from sqlite_master where type = 'table' order by name",
    postgres: "select table_name as name from information_schema.tables where table_schema = 'public' order by table_name",
    mysql: 'select table_name as name from information_schema.tables where table_schema = database() order by table_name',
  };
  return database.query(names[dialect]);
}
