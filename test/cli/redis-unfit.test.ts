import { Redis } from 'ioredis';
import { describe, expect, it, type TestContext } from 'vitest';
import type { TestDatabase } from '../support/databases.ts';
import { redisProgram } from '../support/env.ts';
import { createExistingDatabase, EXISTING } from '../support/existing-database.ts';
import { startRedis } from '../support/servers.ts';
import { type StandIn, standIn } from '../support/stand-in.ts';
import { expectTidy } from './expectations.ts';
import { events, type Outcome, Place, QUICK } from './program.ts';

// A Redis that would fail a run: doctor says so in the words of run, and run says it before there is a campaign.

const LIMITED = 'limited:sekret';

/** What a user may do besides connecting, or what the server is like, and where it is then. */
interface Unfit {
  name: string;
  words: RegExp;
  settings?: string[];
  /** Rights of the user that wsend gets, as `ACL SETUSER` takes them. */
  rights?: string[];
  prepare?: (admin: Redis, test: TestContext) => Promise<unknown>;
}

const UNFIT: Unfit[] = [
  { name: 'lets the user touch campaign:* alone', words: /does not let this user/, rights: ['~campaign:*', '+@all'] },
  { name: 'lets the user touch line:* alone', words: /does not let this user/, rights: ['~line:*', '+@all'] },
  { name: 'lets the user read alone', words: /does not let this user/, rights: ['~*', '+@read', '+@connection', '+info'] },
  { name: 'does not let the user run scripts', words: /does not let this user/, rights: ['~*', '+@all', '-@scripting'] },
  {
    name: 'has no EVAL',
    words: /Redis at \S+ .*(EVAL|script)/i,
    settings: ['--rename-command', 'EVAL', '', '--rename-command', 'EVALSHA', ''],
  },
  { name: 'is a cluster without slots', words: /is part of a cluster/, settings: ['--cluster-enabled', 'yes'] },
  {
    name: 'is a whole cluster',
    words: /is part of a cluster/,
    settings: ['--cluster-enabled', 'yes'],
    prepare: async (admin) => {
      await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
      while (!/cluster_state:ok/.test(String(await admin.call('CLUSTER', 'INFO'))));
    },
  },
  { name: 'is full', words: /is full \(maxmemory\)/, settings: ['--maxmemory', '1mb'] },
  {
    name: 'is a replica',
    words: /is a read-only replica/,
    prepare: async (admin, { onTestFinished }) => {
      const primary = await startRedis();
      onTestFinished(() => primary.stop());
      await admin.call('REPLICAOF', '127.0.0.1', String(primary.port));
      while (!/master_link_status:up/.test(await admin.info('replication'))) await new Promise((resolve) => setTimeout(resolve, 50));
    },
  },
];

interface Scene {
  database: TestDatabase;
  account: StandIn;
  place: Place;
  doctor: Outcome;
}

/** Campaign 42 of an existing database, an account, a Redis as described, and what doctor says of it. */
async function look({ settings = [], rights, prepare }: Omit<Unfit, 'name' | 'words'>, test: TestContext): Promise<Scene> {
  const redis = await startRedis(settings);
  test.onTestFinished(() => redis.stop());
  const admin = new Redis(redis.url);
  test.onTestFinished(() => admin.disconnect());
  const [user, password] = LIMITED.split(':') as [string, string];
  if (rights !== undefined) await admin.call('ACL', 'SETUSER', user, 'on', `>${password}`, ...rights);
  await prepare?.(admin, test);
  const database = await createExistingDatabase('sqlite');
  test.onTestFinished(() => database.drop());
  const account = await standIn();
  test.onTestFinished(() => account.close());
  const env = {
    DATABASE_URL: database.url,
    REDIS_URL: rights === undefined ? redis.url : redis.url.replace('//', `//${LIMITED}@`),
    WASSENGER_RATE_LIMIT_SECONDS: '0.02',
  };
  const place = new Place({ ...QUICK, ...account.env, ...env });
  test.onTestFinished(() => place.leave());
  place.people(5);
  return { database, account, place, doctor: await place.run(['doctor', '--json']) };
}

/** The message of the error that a command with --json ended with. */
function messageOf(outcome: Outcome): string {
  const error = JSON.parse(outcome.stderr.trim().split('\n').at(-1) ?? '') as { type: string; code: number; message: string };
  expect(error).toMatchObject({ type: 'error', code: outcome.code });
  return error.message;
}

describe.runIf(redisProgram).concurrent('a Redis that', { timeout: 60_000 }, () => {
  for (const { name, words, ...how } of UNFIT)
    it(`${name}: doctor and run say the same, no campaign is made and none begun`, async (test) => {
      const { database, account, place, doctor } = await look(how, test);
      const [told] = events(doctor) as [{ findings: { what: string; state: string; detail: string }[] }];
      const problems = told.findings.filter(({ state }) => state === 'problem');
      expect(problems, doctor.stdout).toMatchObject([
        { what: 'checkpoint', detail: expect.stringMatching(words), next: expect.anything() },
      ]);
      expect([1, 2]).toContain(doctor.code);
      expectTidy(doctor);
      for (const args of [
        ['run', '--csv', 'people.csv', '--message', 'Hi'],
        ['run', '--campaign', '42'],
      ]) {
        const run = await place.run([...args, '--json']);
        expect([run.code, messageOf(run)], run.stderr).toEqual([doctor.code, problems[0]?.detail]);
        expect(run.stdout).toBe('');
        expectTidy(run);
      }
      expect(account.taken).toHaveLength(0);
      const campaigns = await database.query('select id, status from campaigns where id >= 42 order by id');
      expect(campaigns).toEqual([42, 43].map((id) => ({ id, status: 'draft' })));
      expect(await database.query('select id from messages where campaign_id >= 42')).toEqual([]);
    });

  it('lets the user touch what wsend needs, and nothing else, is enough', async (test) => {
    const { account, place, doctor } = await look({ rights: ['~campaign:*', '~line:*', '+@all', '-@dangerous'] }, test);
    const run = await place.run(['run', '--campaign', '42']);
    expect([doctor.code, run.code], doctor.stdout + run.stderr).toEqual([0, 0]);
    expect(account.taken).toHaveLength(EXISTING.recipients);
  });
});
