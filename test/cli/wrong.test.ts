import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase, isAvailable, userWithoutCreate } from '../support/databases.ts';
import { postgresUrl } from '../support/env.ts';
import { freePort } from '../support/servers.ts';
import { expectComplaint, expectEveryoneOnce, expectTidy, SECRETS } from './expectations.ts';
import { BIN, events, type Outcome, Place, phones, QUICK, type Sandbox } from './program.ts';

const HELLO = ['--message', 'Hello {{name}}'];
const FILE = ['run', '--csv', 'people.csv', ...HELLO];

describe.concurrent('wrong use, configuration or input: one line, exit code 2, nothing is sent and no campaign is made', {
  timeout: 60_000,
}, () => {
  let place: Place;
  let sandbox: Sandbox;
  beforeAll(async () => {
    place = new Place();
    sandbox = await place.sandbox();
    place.people(3);
    place.write('empty.csv', '');
    place.write('header.csv', 'phone,name\n');
    place.write('binary.csv', Buffer.from(Array.from({ length: 4_000 }, (_, i) => (i * 31) % 256)));
    place.write('sheet.csv', Buffer.from('PK\x03\x04 and so on'));
    place.write('ragged.csv', 'phone,name\n+2290100001111,Ann\n+2290100011111\n+2290100021111,Ben,x\n');
    place.write('columns.csv', 'who,name\nme,Ann\n');
    place.write('else.csv', 'who,Kontakt\nme,+2290100001111\n');
    place.write('latin1.csv', Buffer.from('phone,name\n+2290100001111,Ren\xe9\n', 'latin1'));
    place.write('quote.csv', 'phone,name\n+2290100001111,"Ann\n+2290100011111,Ben\n');
    place.write('twins.csv', 'phone,name,Name\n+2290100001111,Ann,Ann\n');
    place.write('numbers.csv', 'phone,name\n12,Ann\n');
    place.write('long.txt', 'x'.repeat(4_097));
    mkdirSync(place.path('folder'));
  });
  afterAll(() => place.leave());
  afterEach(async () => {
    expect(await sandbox.accepted()).toEqual([]);
    expect(campaignsIn(place.path('wsend.db'))).toBe(0);
  });

  const run = (csv: string, message = 'Hello {{name}}') => ['run', '--csv', csv, '--message', message];
  const INPUT: [what: string, args: string[], words: string | RegExp][] = [
    ['a file that is not there', run('nope.csv'), 'wsend: cannot read nope.csv: there is no such file'],
    ['a folder', run('folder'), 'folder is a directory, not a CSV file'],
    ['an empty file', run('empty.csv'), /empty\.csv is empty\n {2}next: It needs a header line/],
    ['a file with nothing but a header', run('header.csv'), 'header.csv has a header but no rows'],
    ['a binary file', run('binary.csv'), 'binary.csv is not a text file'],
    ['a spreadsheet', run('sheet.csv'), 'sheet.csv is not a CSV file but looks like a spreadsheet'],
    [
      'ragged rows',
      run('ragged.csv'),
      /2 rows of ragged\.csv cannot be sent:\n.*line 3: it has 1 field, the header has 2\n.*line 4: it has 3 fields/,
    ],
    ['no column of numbers', run('columns.csv'), 'columns.csv has no phone column; its columns are "who", "name"'],
    [
      'a column of numbers that is called something else',
      run('else.csv'),
      /its columns are "who", "Kontakt"; "Kontakt" holds numbers\n {2}next: Say that it is the one: --phone-column "Kontakt"\./,
    ],
    ['a column that is not there', [...run('else.csv'), '--phone-column', 'nope'], '--phone-column: else.csv has no column "nope"'],
    ['another encoding', run('latin1.csv'), 'latin1.csv, line 2: not UTF-8 text'],
    ['a quote that is never closed', run('quote.csv'), 'quote.csv, line 2: a quote that opens in this row is never closed'],
    ['two columns of one name', run('twins.csv'), 'columns 2 ("name") and 3 ("Name") have the same name'],
    ['no valid number at all', run('numbers.csv'), '1 row of numbers.csv cannot be sent'],
    [
      'a variable that is no column',
      run('people.csv', 'Hello {{nmae}}'),
      /unknown variable nmae; the columns of people\.csv are phone, name/,
    ],
    ['a template that cannot be read', run('people.csv', 'Hello {{name'), /--message, line 1, column \d+: /],
    ['an empty text', run('people.csv', ' '), '--message is empty'],
    ['a text over 4096 characters', run('people.csv', 'x'.repeat(4_097)), 'the text has 4097 characters; at most 4096 are allowed'],
    ['a text file over 4096 characters', run('people.csv', '@long.txt'), 'the text has 4097 characters'],
    ['a text file that is not there', run('people.csv', '@nope.txt'), '--message: cannot read nope.txt: there is no such file'],
    ['a country that is none', [...run('people.csv'), '--country', 'Benin'], '--country'],
    ['an estimate of a file that is not there', ['estimate', '--csv', 'nope.csv'], 'cannot read nope.csv: there is no such file'],
  ];
  it.each(INPUT)('%s', async (_what, args, words) => expectComplaint(await place.run(args), 2, words));

  const USE: [what: string, args: string[], words: string | RegExp][] = [
    ['no command', [], 'a command is missing'],
    ['an unknown command', ['xyzzy'], /^wsend: unknown command 'xyzzy'\n {2}next: wsend --help lists the commands\.$/m],
    ['a misspelt command', ['resmue', '1'], /unknown command 'resmue'\n {2}next: Did you mean wsend resume\? wsend --help lists/],
    [
      'a misspelt name that others give a command',
      ['sned'],
      /unknown command 'sned'\n {2}next: Did you mean wsend run\? wsend --help lists/,
    ],
    [
      'a misspelt command of a group',
      ['optout', 'ad', '1'],
      /unknown command 'ad'\n {2}next: Did you mean wsend optout add\? wsend optout --help/,
    ],
    ['help of an unknown command', ['help', 'nope'], /unknown command 'nope'\n {2}next: wsend --help lists/],
    ['half a command', ['optout'], /a command is missing\n {2}next: wsend optout --help lists/],
    [
      'half a command and an unknown half',
      ['optout', 'nope'],
      /unknown command 'nope'\n {2}next: wsend optout --help lists the commands\./,
    ],
    ['an unknown flag', [...FILE, '--dealy', '3'], /unknown option '--dealy'[\s\S]*wsend run --help/],
    [
      'a misspelt flag',
      [...FILE, '--batchsize', '3'],
      /^wsend: unknown option '--batchsize'\n {2}next: Did you mean --batch-size\? See wsend run --help\.$/m,
    ],
    ['a flag without its value', ['run', '--csv'], "option '--csv <file>' argument missing"],
    [
      'an argument too many',
      ['status', '1', '2'],
      /"2" is one argument too many: wsend status takes 1\n {2}next: See wsend status --help\./,
    ],
    [
      'a file without its flag',
      ['run', 'list.csv'],
      /"list\.csv" is one .*: wsend run takes none\n {2}next: Did you mean --csv list\.csv\? See/,
    ],
    ['a campaign without its flag', ['run', '42'], /"42" is one .*\n {2}next: Did you mean --campaign 42\? See wsend run --help\./],
    ['a count without its flag', ['estimate', '9'], /"9" is one .*\n {2}next: Did you mean --count 9\? See wsend estimate --help\./],
    ['an argument missing', ['pause'], "missing required argument 'id'"],
    ['neither a campaign nor a file', ['run'], 'exactly one of --campaign <id> and --csv <file> is needed'],
    ['both', [...FILE, '--campaign', '1'], 'exactly one of --campaign <id> and --csv <file> is needed'],
    [
      'a text for a campaign that has one',
      ['run', '--campaign', '1', '--message', 'Other', '--again'],
      '--message and --again work only with --csv: campaign 1 is sent as the database has it',
    ],
    ['people of a country for a campaign', ['run', '--campaign', '1', '--country', 'BJ'], '--country works only with --csv'],
    ['an estimate for numbers of a country', ['estimate', '--count', '9', '--country', 'BJ'], '--country works only with --csv'],
    ['a file without a text', ['run', '--csv', 'people.csv'], '--csv needs --message'],
    [
      'two files',
      [...FILE, '--csv', 'other.csv'],
      /--csv is given twice; one value is allowed\n {2}next: Run the command once for each file/,
    ],
    ['two texts', [...FILE, '--message=x'], '--message is given twice'],
    ['two counts', ['estimate', '--count', '1', '--count', '2'], '--count is given twice; one value is allowed'],
    ['a column of a file for a campaign', ['run', '--campaign', '1', '--phone-column', 'x'], '--phone-column works only with --csv'],
    ['an estimate for a column', ['estimate', '--count', '9', '--phone-column', 'x'], '--phone-column works only with --csv'],
    ['resume of nothing', ['resume'], 'exactly one of <id> and --all is needed'],
    ['an estimate of nothing', ['estimate'], 'exactly one of --count <n>, --campaign <id> and --csv <file> is needed'],
    ['a count that is none', ['estimate', '--count', '1e3'], '--count is "1e3"; allowed: a whole number from 1 on'],
    ['a campaign that is no number', ['resume', 'abc'], 'the number of a campaign is "abc"'],
    ['a campaign below 1', ['run', '--campaign', '0'], 'the number of a campaign is "0"'],
    ...['run --campaign', 'resume', 'retry', 'reconcile', 'pause', 'status', 'estimate --campaign'].map(
      (command): [string, string[], string] => [
        `${command} 99, which is not there`,
        [...command.split(' '), '99'],
        'there is no campaign 99 in the database',
      ],
    ),
    ['a delay below the shortest', [...FILE, '--delay', '1'], /\(--delay\) is "1" \(from --delay\); allowed: 2 to 10 seconds/],
    ['a delay above the longest', [...FILE, '--delay', '10.5'], /\(--delay\) is "10\.5" \(from --delay\); allowed: 2 to 10 seconds/],
    ['a delay in words', [...FILE, '--delay', 'fast'], /\(--delay\) is "fast"/],
    ['a batch of none', [...FILE, '--batch-size', '0'], /\(--batch-size\) is "0"/],
    ['half a call at once', [...FILE, '--concurrency', '1.5'], /\(--concurrency\) is "1\.5"/],
    ['a pause that is none', [...FILE, '--batch-pause', '-1'], /\(--batch-pause\) is "-1"/],
    ['a limit that is none', [...FILE, '--limit', 'ten'], '--limit is "ten"; allowed: a whole number from 1 on'],
    ['a fault that there is not', [...FILE, '--sandbox', '--fault', 'rejct=1'], 'there is no fault "rejct"'],
    ['a fault without the sandbox', [...FILE, '--fault', 'reject=1'], '--fault'],
    ['a port that is none', ['sandbox', '--port', 'http'], '--port is "http"'],
  ];
  it.each(USE)('%s', async (_what, args, words) => expectComplaint(await place.run(args), 2, words));

  it('the delay of the environment is bounded too', async () => {
    expectComplaint(
      await place.run(FILE, { WASSENGER_RATE_LIMIT_SECONDS: '0.5' }),
      2,
      /WASSENGER_RATE_LIMIT_SECONDS \(--delay\) is "0\.5".*allowed: 2 to 10/,
    );
  });

  it.each([[FILE], [['run', '--campaign', '1']]])('several problems are told at once, and no secret with them: %j', async (args) => {
    const wrong = {
      WASSENGER_API_KEY: 'sekret with spaces',
      WASSENGER_DEVICE_ID: '',
      DATABASE_URL: 'oracle://me:sekret@host/x',
      REDIS_URL: '127.0.0.1',
      MAX_RETRY_ATTEMPTS: 'three',
    };
    const outcome = await place.run([...args, '--delay', '1', '--batch-size', 'many'], wrong);
    expectComplaint(outcome, 2, /^wsend: 7 problems in the configuration:/);
    const names = [
      'WASSENGER_API_KEY',
      'WASSENGER_DEVICE_ID',
      'WASSENGER_RATE_LIMIT_SECONDS (--delay) is "1"',
      'WASSENGER_BATCH_SIZE (--batch-size) is "many"',
      'MAX_RETRY_ATTEMPTS is "three"',
      'DATABASE_URL',
      'REDIS_URL',
    ];
    for (const name of names) expect(outcome.stderr).toContain(`  - ${name}`);
  });

  it.each([
    [[...FILE, '--delay', '99', '--limit', 'ten'], '--limit is "ten"'],
    [['resume', '1', '--delay', '99', '--limit', 'ten'], '--limit is "ten"'],
    [['estimate', '--count', 'ten', '--delay', '99'], '--count is "ten"'],
  ])('a flag that is not a setting is told with the others: %j', async (args, words) => {
    const outcome = await place.run(args);
    expectComplaint(outcome, 2, /^wsend: 2 problems in the configuration:\n.*\(--delay\) is "99".*\n.*\n {2}next: Correct it/);
    expect(outcome.stderr).toContain(`  - ${words}; allowed: `);
  });

  it.each(['nope.env', 'folder'])(
    'a settings file that is none (Node looks for it too, unless told where its own arguments end): %s',
    async (path) => {
      const args = [...FILE, '--env-file', path];
      const through = (command: string): [string, ...string[]] => ['sh', '-c', command.replace("' ", "' -- ")];
      expectComplaint(await place.run(args, {}, { through }), 2, `cannot read the settings file ${path}: `);
      const outcome = await place.run(args);
      expect([outcome.code === 0, outcome.stdout]).toEqual([false, '']);
      expect(outcome.stderr).toContain(path);
    },
  );

  it('a setting of a settings file that was named', async () => {
    place.write('live.env', 'WASSENGER_BATCH_SIZE=many\n');
    const outcome = await place.run(
      ['status', '--env-file', 'live.env'],
      {},
      { through: (command) => ['sh', '-c', command.replace("' ", "' -- ")] },
    );
    expectComplaint(
      outcome,
      2,
      /is "many" \(from live\.env\); allowed: .*\n {2}next: Correct it in the environment, in live\.env, or by flag/,
    );
  });

  it('a .env that is none: the next step is about it, not about a flag that was not given', async () => {
    const other = new Place(place.env);
    mkdirSync(other.path('.env'));
    const outcome = await other.run(['status']);
    await other.leave();
    expectComplaint(
      outcome,
      2,
      /^wsend: cannot read the settings file \.env: illegal operation on a directory\n {2}next: The \.env in this folder /,
    );
  });

  it('a port that is taken', async () => {
    expectComplaint(await place.run(['sandbox', '--port', String(sandbox.port)]), 2, `port ${sandbox.port} is taken`);
  });

  it('with --json, the complaint is one object on stderr', async () => {
    const outcome = await place.run([...FILE, '--json', '--delay', '1']);
    expect([outcome.code, outcome.stdout]).toEqual([2, '']);
    expect(JSON.parse(outcome.stderr)).toMatchObject({ type: 'error', code: 2, message: expect.stringContaining('--delay') });
  });
});

describe.concurrent('what a rehearsal may do', { timeout: 60_000 }, () => {
  it('the sandbox has no shortest delay, and a batch size outside the advised range is warned about, also with --quiet', async ({
    onTestFinished,
  }) => {
    const place = new Place();
    onTestFinished(() => place.leave());
    place.people(3);
    for (const [extra, text] of [
      [[], 'one'],
      [['--quiet'], 'two'],
    ] as const) {
      const outcome = await place.run([
        'run',
        '--csv',
        'people.csv',
        '--message',
        text,
        '--sandbox',
        '--delay',
        '0.01',
        '--batch-size',
        '10',
        ...extra,
      ]);
      expect(outcome.code, outcome.stderr).toBe(0);
      expect(outcome.stderr).toMatch(/^wsend: warning: WASSENGER_BATCH_SIZE \(--batch-size\) is 10; 25 to 100 is the advised range$/m);
    }
  });
});

describe.concurrent('a wrong flag on a campaign that has begun', { timeout: 60_000 }, () => {
  it('is refused, and the campaign stays as it was, with the settings that it was run with', async ({ onTestFinished }) => {
    const place = new Place(QUICK);
    onTestFinished(() => place.leave());
    place.people(12);
    const sandbox = await place.sandbox();
    expect((await place.run([...FILE, '--limit', '4', '--delay', '0.05', '--batch-size', '30'])).code).toBe(6);
    expectComplaint(await place.run(['resume', '1', '--delay', '11']), 2, '(--delay) is "11" (from --delay); allowed: 0 to 10 seconds');
    expectComplaint(await place.run(['resume', '1', '--limit', '0']), 2, '--limit is "0"');
    expectComplaint(await place.run(['resume', '1', '--sandbox']), 2, 'wsend: there is no campaign 1');
    const tight = { WASSENGER_MIN_DELAY_SECONDS: '1', WASSENGER_RATE_LIMIT_SECONDS: '3' };
    const slower = await place.run(['resume', '1', '--json', '--limit', '1'], tight);
    expect(slower.stderr).toContain('a delay of 0.05 s, and 1 to 10 s are allowed now');
    expect(events(slower)[0]).toMatchObject({ type: 'plan', delay_seconds: 1 });
    expect(await sandbox.accepted()).toHaveLength(5);
    const resumed = await place.run(['resume', '1', '--json', '--limit', '3']);
    expect(events(resumed)[0]).toMatchObject({ type: 'plan', pending: 7, delay_seconds: 0.05, batch_size: 30 });
    await expectEveryoneOnce(place, sandbox, phones(12));
  });
});

describe.concurrent('servers that are not there', { timeout: 60_000 }, () => {
  let place: Place;
  let port: number;
  let notRedis: Server;
  beforeAll(async () => {
    place = new Place({ WASSENGER_API_KEY: `${SECRETS[0]}-0001`, WASSENGER_DEVICE_ID: '5a4db0c5e4d0000000000001' });
    port = await freePort();
    place.people(3);
    place.write('notes.db', 'these are no tables '.repeat(300));
    notRedis = createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
  });
  afterAll(() => {
    notRedis.close();
    return place.leave();
  });
  const at = (server: 'free' | 'other', url: string) =>
    url.replace('PORT', String(server === 'free' ? port : (notRedis.address() as AddressInfo).port));

  const GONE: [what: string, code: number, variable: string, server: 'free' | 'other', url: string, words: RegExp][] = [
    [
      'no PostgreSQL',
      1,
      'DATABASE_URL',
      'free',
      'postgres://me:sekret@127.0.0.1:PORT/x',
      /^wsend: cannot reach PostgreSQL at 127\.0\.0\.1:\d+ \(connection refused\)$/m,
    ],
    [
      'no MySQL',
      1,
      'DATABASE_URL',
      'free',
      'mysql://me:sekret@127.0.0.1:PORT/x',
      /^wsend: cannot reach MySQL at 127\.0\.0\.1:\d+ \(connection refused\)$/m,
    ],
    [
      'no folder for the SQLite file',
      1,
      'DATABASE_URL',
      'free',
      'sqlite:not/there/wsend.db',
      /^wsend: cannot open the SQLite file not\/there\/wsend\.db: its folder does not exist$/m,
    ],
    [
      'a file that is not SQLite',
      1,
      'DATABASE_URL',
      'free',
      'sqlite:notes.db',
      /^wsend: the SQLite file notes\.db is not an SQLite database$/m,
    ],
    [
      'no Redis',
      1,
      'REDIS_URL',
      'free',
      'redis://:sekret@127.0.0.1:PORT/1',
      /^wsend: Redis at 127\.0\.0\.1:\d+ does not answer: .*ECONNREFUSED/m,
    ],
    [
      'something that is not Redis',
      1,
      'REDIS_URL',
      'other',
      'redis://:sekret@127.0.0.1:PORT/1',
      /^wsend: Redis at 127\.0\.0\.1:\d+ does not answer/m,
    ],
  ];
  it.each(GONE)('%s: exit code %i and the place, without the password', async (_what, code, variable, server, url, words) => {
    expectComplaint(
      await place.run(FILE, { [variable]: at(server, url), DATABASE_URL: variable === 'REDIS_URL' ? 'sqlite:redis.db' : at(server, url) }),
      code,
      words,
    );
  });

  for (const [dialect, words] of [
    ['postgres', 'PostgreSQL at'],
    ['mysql', 'MySQL at'],
  ] as const) {
    if (!isAvailable(dialect)) continue;
    it(`a database that the ${dialect} server does not have`, async ({ onTestFinished }) => {
      const database = await freshDatabase(dialect);
      onTestFinished(() => database.drop());
      const outcome = await place.run(['status'], { DATABASE_URL: `${database.url}_nope` });
      expectComplaint(outcome, 2, new RegExp(`^wsend: ${words} .* has no database of that name$`, 'm'));
    });
  }

  if (postgresUrl !== undefined) {
    it('a user without rights in the database', async ({ onTestFinished }) => {
      const database = await freshDatabase('postgres');
      const user = await userWithoutCreate(database);
      onTestFinished(async () => {
        await user.drop();
        await database.drop();
      });
      expectComplaint(
        await place.run(FILE, { DATABASE_URL: user.url }),
        2,
        /^wsend: PostgreSQL at .* refused: permission denied for schema public$/m,
      );
    });
  }

  it('no Wassenger: doctor says so at once, and a run waits for it and then sends to everyone', { timeout: 30_000 }, async ({
    onTestFinished,
  }) => {
    const waiting = new Place({ ...QUICK, ...place.env, WASSENGER_BASE_URL: `http://127.0.0.1:${port}/v1` });
    onTestFinished(() => waiting.leave());
    waiting.people(10);
    const doctor = await waiting.run(['doctor']);
    expect([doctor.code, doctor.stdout]).toEqual([1, expect.stringMatching(/PROBLEM line +no answer: .*ECONNREFUSED/)]);
    expectTidy(doctor);

    const running = waiting.start(FILE);
    await running.says('Wassenger cannot be reached: trying again in');
    const sandbox = await waiting.sandboxWith(['--port', String(port)]);
    const outcome = await running.ended;
    expect(outcome.code, outcome.stderr).toBe(0);
    expectTidy(outcome);
    await expectEveryoneOnce(waiting, sandbox, phones(10));
  });
});

describe.concurrent('the line is refused: exit code 4, everyone stays pending, the key is in no output', { timeout: 60_000 }, () => {
  it.each([
    ['key', /the API key is refused \(401\)/],
    ['plan', /the plan or its credit does not allow sending \(402\)/],
    ['device', /there is no such device/],
  ])('by its %s, before the first send and in mid-run', async (what, words) => {
    const place = new Place(QUICK);
    try {
      place.people(20);
      const sandbox = await place.sandbox(`refuse=${what}`);
      const first = await place.run(FILE);
      expectRefused(first, words);
      expect(first.stdout).toMatch(/pending +20\n/);
      expect(await sandbox.accepted()).toEqual([]);

      await sandbox.set({ refuse: 'nothing' });
      const second = place.start(['resume', '1', '--json']);
      await second.tells('sent', 5);
      await sandbox.set({ refuse: what });
      const refused = await second.ended;
      expectRefused(refused, words);
      expect(events(refused).at(-1)).toMatchObject({ type: 'summary', failed: 0, in_doubt: 0, sent: (await sandbox.accepted()).length });
      const status = await place.run(['status', '1', '--json']);
      expect(events(status)[0]).toMatchObject({ state: 'paused', paused: { reason: 'barred' }, next: 'wsend resume 1' });

      await sandbox.set({ refuse: 'nothing' });
      await expectEveryoneOnce(place, sandbox, phones(20));
      expect(readFileSync(place.path('wsend.db')).includes(String(SECRETS[0]))).toBe(false);
    } finally {
      await place.leave();
    }
  });

  function expectRefused(outcome: Outcome, words: RegExp) {
    expect(outcome.code, outcome.stderr).toBe(4);
    expect(outcome.stderr + outcome.stdout).toMatch(words);
    expect(outcome.stdout).toContain('wsend resume 1');
    expectTidy(outcome);
  }
});

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
/** What runs without rights: this user, unless it is root, who may do everything. */
const uid = isRoot ? NOBODY : undefined;
const canRun = spawnSync(process.execPath, [BIN, '--version'], { uid, gid: uid }).status === 0;
if (!canRun) process.stderr.write(`\n!!! THE TESTS OF PERMISSIONS CANNOT RUN: user ${NOBODY} may not read ${BIN}.\n`);

const permissions = canRun ? describe.concurrent : () => undefined;
permissions('what may not be read or written', { timeout: 60_000 }, () => {
  let place: Place;
  beforeAll(() => {
    place = new Place();
    place.people(3);
    chmodSync(place.people(3, 'mine.csv') && place.path('mine.csv'), 0o000);
    place.write('bad.csv', 'phone,name\n+2290100001111,Ann\n12,Ben\n');
    chmodSync(place.folder, 0o555);
  });
  afterAll(() => {
    chmodSync(place.folder, 0o755);
    return place.leave();
  });
  const sandboxed = (csv: string) => place.run(['run', '--csv', csv, ...HELLO, '--sandbox', '--delay', '0'], {}, { uid });

  it('a file of people that may not be read', async () =>
    expectComplaint(await sandboxed('mine.csv'), 2, 'cannot read mine.csv: permission denied'));

  it('a folder in which no database can be made, nor the file of the sandbox', async () => {
    const real = { WASSENGER_API_KEY: 'a-long-enough-key-0123456789', WASSENGER_DEVICE_ID: '65aa00000000000000000001' };
    expectComplaint(await place.run(FILE, real, { uid }), 1, /^wsend: .*SQLite file wsend\.db.*$/m);
    expectComplaint(await sandboxed('people.csv'), 1, /^wsend: .*SQLite file wsend-sandbox\.db.*$/m);
    for (const name of ['wsend.db', 'wsend-sandbox.db']) expect(existsSync(place.path(name))).toBe(false);
  });

  it('a folder in which the refused rows cannot be written', async () => {
    expectComplaint(
      await sandboxed('bad.csv'),
      1,
      /refused rows to bad\.csv\.rejected\.csv: permission denied\n {2}line 3: .+\n {2}next: /,
    );
  });

  it.each([
    ['a database', 'wsend.db', []],
    ['the file of the sandbox', 'wsend-sandbox.db', ['--sandbox']],
  ])('%s that may be read but not written', async (_what, name, flags) => {
    const own = new Place(QUICK);
    try {
      own.people(3);
      const sandbox = await own.sandbox();
      expect((await own.run([...FILE, ...flags])).code).toBe(0);
      const taken = (await sandbox.accepted()).length;
      chmodSync(own.path(name), 0o444);
      chmodSync(own.folder, 0o555);
      const outcome = await own.run(['run', '--csv', 'people.csv', '--message', 'again', ...flags], {}, { uid });
      expectComplaint(outcome, 1, new RegExp(`^wsend: .*${name}.*(read-only|cannot be opened|cannot be written|may not)`, 'm'));
      expect(await sandbox.accepted()).toHaveLength(taken);
    } finally {
      chmodSync(own.folder, 0o755);
      await own.leave();
    }
  });
});

/** Campaigns in a database that may not have been made yet. */
function campaignsIn(path: string): number {
  if (!existsSync(path)) return 0;
  const file = new DatabaseSync(path, { timeout: 5_000 });
  try {
    const rows = file.prepare("select name from sqlite_master where name = 'campaigns'").all();
    return rows.length === 0 ? 0 : (file.prepare('select count(*) as n from campaigns').get() as { n: number }).n;
  } finally {
    file.close();
  }
}
