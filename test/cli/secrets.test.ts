import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, it, type TestContext } from 'vitest';
import { tcpProxy } from '../adapters/sql/tcp-proxy.ts';
import { freshDatabase, isAvailable } from '../support/databases.ts';
import { redisProgram } from '../support/env.ts';
import { startRedis } from '../support/servers.ts';
import { type Outcome, Place, QUICK, type Sandbox } from './program.ts';

// Whatever a run does and whatever befalls it, nothing that it leaves behind holds the API key or a password.

const KEY = 'k3y-0f-the-acc0unt-4f9d2c7b1e';
const DATABASE_PASSWORD = 'dbpassw0rd-77ab';
const REDIS_PASSWORD = 'redispassw0rd-31cd';
const SECRETS = [KEY, DATABASE_PASSWORD, REDIS_PASSWORD];
const RUN = ['run', '--csv', 'people.csv', '--skip-invalid', '--message', 'Hello {{name}}'];

async function begin({ onTestFinished }: TestContext, env: Record<string, string> = {}): Promise<{ place: Place; sandbox: Sandbox }> {
  const place = new Place({ ...QUICK, WASSENGER_LOOKUP_SECONDS: '0.2', WSEND_DEBUG: 'debug.ndjson', ...env });
  onTestFinished(() => place.leave());
  const sandbox = await place.sandbox('latency=5-40', 'reject=0.05', 'errorAfter=0.1', 'resetAfter=0.1', 'truncate=0.1');
  place.env.WASSENGER_API_KEY = KEY;
  place.people(40);
  place.write('people.csv', `${readFileSync(place.path('people.csv'), 'utf8')}not a number,Nobody\n`);
  return { place, sandbox };
}

/** Everything that a campaign goes through: a kill, errors, a resume, every command that looks, with and without --json and --debug. */
async function live({ place, sandbox }: { place: Place; sandbox: Sandbox }): Promise<Outcome[]> {
  const killed = place.start([...RUN, '--json', '--debug']);
  await killed.tells('sent', 10);
  killed.process.kill('SIGKILL');
  const outcomes = [await killed.ended];
  const also = async (...args: string[]) => void outcomes.push(await place.run(args));
  await also('resume', '1', '--debug', '--limit', '5');
  await sandbox.set({ refuse: 'key' });
  await also('resume', '1', '--debug', '--json');
  await also('verify', '1', '--debug');
  await also('doctor', '--debug');
  await sandbox.set({ refuse: 'nothing', lookupFail: '1' });
  await also('resume', '1');
  await also('reconcile', '1', '--assume', 'absent', '--json');
  await sandbox.set({ lookupFail: '0' });
  await also('resume', '1', '--json');
  await also('retry', '1', '--debug');
  for (const command of ['status', 'doctor', 'verify']) await also(command, ...(command === 'doctor' ? [] : ['1']), '--json', '--debug');
  await also('status', '--debug');
  return outcomes;
}

function expectNone(what: string, content: string | Buffer): void {
  for (const secret of SECRETS) expect(content.includes(secret), `${what} holds ${secret}`).toBe(false);
  for (const secret of SECRETS) expect(content.includes(Buffer.from(secret).toString('base64').replace(/=+$/, '')), what).toBe(false);
}

/** Everything in a folder, whoever made it. */
function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path) : [path];
  });
}

function expectNothingLeft(place: Place, outcomes: Outcome[]): void {
  for (const [i, { stdout, stderr }] of outcomes.entries()) expectNone(`the output of command ${i}`, stdout + stderr);
  const left = files(place.folder);
  expect(left.length).toBeGreaterThan(1);
  for (const path of left) expectNone(path, readFileSync(path));
}

describe.concurrent('no secret is left behind', { timeout: 240_000 }, () => {
  it('by a campaign of a file, in any output, in the SQLite file and its log, or in the list of refused rows', async (test) => {
    const scene = await begin(test);
    const outcomes = await live(scene);
    expect(outcomes.map(({ code }) => code)).toContain(4);
    expectNothingLeft(scene.place, outcomes);
  });

  if (redisProgram && isAvailable('postgres'))
    it('by one whose database and Redis have passwords, in their rows and keys, in its output when both go away, or on its command line', async (test) => {
      const redis = await startRedis(['--requirepass', REDIS_PASSWORD]);
      const database = await freshDatabase('postgres');
      const proxy = await tcpProxy(`redis://127.0.0.1:${redis.port}`);
      test.onTestFinished(async () => {
        await proxy.close();
        await redis.stop();
        await database.drop();
      });
      const databaseUrl = new URL(database.url);
      databaseUrl.password = DATABASE_PASSWORD;
      const redisUrl = `redis://:${REDIS_PASSWORD}@${new URL(proxy.url).host}`;
      const scene = await begin(test, { DATABASE_URL: databaseUrl.href, REDIS_URL: redisUrl });
      const { place } = scene;
      const outcomes = await live(scene);

      const again = place.start([...RUN, '--again', '--debug']);
      await again.says(/\d+\/40 sent|batch 1 of/);
      expectNone('its command line', readFileSync(`/proc/${again.process.pid}/cmdline`));
      await proxy.set('down');
      outcomes.push(await again.ended);
      expect(outcomes.at(-1)?.code).toBe(1);
      outcomes.push(await place.run(['resume', '--all', '--debug']), await place.run(['doctor', '--json', '--debug']));
      await proxy.set('up');
      const wrong = { DATABASE_URL: 'postgres://nobody:dbpassw0rd-77ab@127.0.0.1:1/x', REDIS_URL: `${redisUrl}x` };
      outcomes.push(await place.run(['status', '--debug'], { DATABASE_URL: wrong.DATABASE_URL }));
      outcomes.push(
        await place.run(['doctor', '--debug'], { REDIS_URL: wrong.REDIS_URL, WASSENGER_BASE_URL: `http://u:${KEY}@127.0.0.1:1` }),
      );
      outcomes.push(
        await place.run(['doctor', '--debug'], {
          DATABASE_URL: `postgres//x:${DATABASE_PASSWORD}@h`,
          REDIS_URL: `rediss/${REDIS_PASSWORD}`,
        }),
      );
      expectNothingLeft(place, outcomes);

      const client = new Redis({ port: redis.port, password: REDIS_PASSWORD });
      const keys = await client.keys('*');
      expect(keys.length).toBeGreaterThan(3);
      for (const key of keys) expectNone(key, Buffer.concat([Buffer.from(key), (await client.dumpBuffer(key)) ?? Buffer.alloc(0)]));
      const types = await Promise.all(keys.map((key) => client.type(key)));
      const hashes = keys.filter((_, i) => types[i] === 'hash');
      expect(hashes).toEqual(expect.arrayContaining(['campaign:1:message_1', expect.stringMatching(/^line:/)]));
      for (const key of hashes) expectNone(key, JSON.stringify(await client.hgetall(key)));
      client.disconnect();

      const tables = await database.query(`select table_name from information_schema.tables where table_schema = 'public'`);
      expect(tables.length).toBeGreaterThan(3);
      for (const { table_name } of tables)
        expectNone(String(table_name), JSON.stringify(await database.query(`select * from ${table_name}`)));
    });
});

describe('what a run creates is its owner’s alone', { timeout: 60_000 }, () => {
  for (const umask of ['000', '022', '077'])
    it(`under umask ${umask}: database, log and refused rows, and the file of the sandbox`, async (test) => {
      const { place } = await begin(test);
      const through = (command: string): [string, ...string[]] => ['sh', '-c', `umask ${umask}; exec ${command}`];
      const run = place.start([...RUN, '--json', '--delay', '1'], {}, { through });
      await run.tells('sent');
      const made = readdirSync(place.folder).filter((name) => name !== 'people.csv');
      expect(made.sort()).toEqual(['debug.ndjson', 'people.csv.rejected.csv', 'wsend.db', 'wsend.db-shm', 'wsend.db-wal']);
      const rehearsal = place.start([...RUN, '--json', '--sandbox', '--delay', '1'], {}, { through });
      await rehearsal.tells('sent');
      const rehearsed = readdirSync(place.folder).filter((name) => name.startsWith('wsend-sandbox'));
      expect(rehearsed.sort()).toEqual(['wsend-sandbox.db', 'wsend-sandbox.db-shm', 'wsend-sandbox.db-wal']);
      for (const name of [...made, ...rehearsed])
        expect(`${name} ${(statSync(place.path(name)).mode & 0o777).toString(8)}`).toBe(`${name} 600`);
      for (const { process, ended } of [run, rehearsal]) {
        process.kill('SIGKILL');
        await ended;
      }
    });
});
