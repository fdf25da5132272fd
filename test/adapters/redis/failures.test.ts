import { rmSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { redisEntries } from '../../../src/adapters/redis/redis-entries.ts';
import { DAY } from '../../../src/core/units.ts';
import { CheckpointUnreachable, LeaseLost, UsageError } from '../../../src/errors.ts';
import type { Entries, Write } from '../../../src/ports/entries.ts';
import { redisProgram } from '../../support/env.ts';
import { freePort, type RunningRedis, startRedis } from '../../support/servers.ts';
import { lossyProxy } from './lossy-proxy.ts';

describe.runIf(redisProgram)('a Redis in trouble', () => {
  let server: RunningRedis;
  let admin: Redis;
  let entries: Entries;
  const made: Entries[] = [];

  async function serve(...settings: string[]): Promise<void> {
    server = await startRedis(settings);
    admin = new Redis(server.url, { retryStrategy: () => 50 });
    admin.on('error', () => undefined);
    entries = at(server.url);
  }
  function at(url: string): Entries {
    const one = redisEntries(url);
    made.push(one);
    return one;
  }
  const as = (user: string, url = server.url) => at(url.replace('//', `//${user}:pw@`));
  beforeEach(() => serve());
  afterEach(async () => {
    for (const one of made.splice(0)) await one.close();
    admin.disconnect();
    await server.stop();
  });
  const kept = async (name = NAME) => Object.fromEntries((await entries.view(name))?.fields ?? []);

  test('killed: the write is refused within seconds, and a Redis that forgot everything is noticed', async () => {
    const run = await opened(entries);
    await server.kill();
    const before = Date.now();
    await failsWith(run.write({ 1: 'claim' }), CheckpointUnreachable, /^Redis at 127\.0\.0\.1:\d+ does not answer: .*ECONNREFUSED/);
    expect(Date.now() - before).toBeLessThan(5_000);
    await server.restart();
    await failsWith(run.repeat(), LeaseLost, /^Redis at 127\.0\.0\.1:\d+ knows nothing of campaign 1 any more: it was emptied/);
    expect(await entries.view(NAME)).toBeNull();
  });

  test('killed and back with its append-only file: the same write, repeated, works; and it is said to be another process', async () => {
    admin.disconnect();
    await server.stop();
    await serve('--appendonly', 'yes', '--appendfsync', 'always');
    const run = await opened(entries);
    const { server: before } = await entries.open('line:other', 1);
    await run.write({ 1: 'claim', 2: 'claim' });
    await server.kill();
    await expect(run.write({ 1: null, sent: '1' })).rejects.toThrow(CheckpointUnreachable);
    await server.restart();
    await run.repeat();
    expect(await kept()).toEqual({ 2: 'claim', sent: '1' });
    const { server: after } = await entries.open('line:other', 2);
    expect([before, after]).toEqual([expect.stringMatching(/^[0-9a-f]{40}$/), expect.stringMatching(/^[0-9a-f]{40}$/)]);
    expect(after).not.toBe(before);
  });

  test('back as it was a moment ago: noticed with the next step', async () => {
    const run = await opened(entries);
    await run.write({ 1: 'claim' });
    await admin.save();
    await run.write({ 1: null, 2: 'claim' });
    await server.restart();
    await untilReachable(() => entries.view(NAME));
    await failsWith(run.write({ 2: null }), LeaseLost, /^Redis at 127\.0\.0\.1:\d+ went back to an earlier state .*fail-over/);
    expect(await kept()).toEqual({ 1: 'claim' });
  });

  test('one that does not say which process it is, says so', async () => {
    await admin.call('ACL', 'SETUSER', 'default', '-info');
    expect((await entries.open(NAME, 1)).server).toBe('');
  });

  test('suspended: a write is given up after 5 s, and its late arrival changes nothing that came after', async () => {
    const run = await opened(entries);
    server.process.kill('SIGSTOP');
    const before = Date.now();
    await failsWith(run.write({ 1: 'claim' }), CheckpointUnreachable, /does not answer: no reply within 5 s/);
    expect(Date.now() - before).toBeLessThan(10_000);
    server.process.kill('SIGCONT');
    await run.repeat();
    await run.write({ 1: null, sent: '1' });
    expect(await kept()).toEqual({ sent: '1' });
  });

  test('answers lost on the way, again and again: every step is taken once, and opening may be repeated', async () => {
    const proxy = await lossyProxy(server.port);
    let pieces = 0;
    proxy.loses = () => {
      pieces += 1;
      return pieces % 7 === 3 || pieces % 11 === 5;
    };
    const lossy = at(proxy.url);
    let epoch = 0;
    for (let round = 0; round < 6; round += 1) {
      epoch += 1;
      const found = await untilReachable(() => lossy.open(NAME, epoch));
      expect(Object.fromEntries(found.fields)).toEqual(round === 0 ? {} : { n: String(round * 20), [`f${round * 20}`]: 'x' });
      await untilReachable(() => lossy.open(LINE, epoch));
      const run = runOf(lossy, epoch);
      for (let i = 1; i <= 20; i += 1) {
        const n = round * 20 + i;
        await run.write({ n: String(n), [`f${n}`]: 'x', [`f${n - 1}`]: null }, { pacing: String(n) }).catch(() => run.repeat());
      }
    }
    expect(await kept()).toEqual({ n: '120', f120: 'x' });
    expect(await kept(LINE)).toEqual({ pacing: '120' });
    await proxy.close();
  }, 60_000);

  test('a copy of an old write that arrives late, on another connection, is not taken', async () => {
    const proxy = await lossyProxy(server.port);
    const run = await opened(at(proxy.url));
    await run.write({ 1: 'claim' }, { pacing: '1' });
    const copy = proxy.requests.at(-1) as Buffer;
    await run.write({ 1: null, sent: '1' }, { pacing: '2' });
    const late = connectSocket(server.port, '127.0.0.1');
    const answer = await new Promise<string>((resolve) => {
      late.once('data', (data) => resolve(data.toString()));
      late.write(copy);
    });
    late.destroy();
    expect(answer).toMatch(/^\*2\r\n/);
    expect(await kept()).toEqual({ sent: '1' });
    expect(await kept(LINE)).toEqual({ pacing: '2' });
    await proxy.close();
  });

  test('full: a write is refused whole; what only frees memory still passes', async () => {
    const run = await opened(entries);
    await run.write({ 1: 'claim', 2: 'claim', sent: '1' });
    await admin.config('SET', 'maxmemory', '1mb');
    await admin.config('SET', 'maxmemory', '1');
    await failsWith(run.write({ 1: null, 3: 'claim' }, { pacing: '1' }), CheckpointUnreachable, /is full \(maxmemory\)/);
    await failsWith(run.repeat(0), CheckpointUnreachable, /is full/);
    await failsWith(entries.open(NAME, 99), CheckpointUnreachable, /is full/);
    await failsWith(entries.open('campaign:2:message_1', 1), CheckpointUnreachable, /is full/);
    expect(await kept()).toEqual({ 1: 'claim', 2: 'claim', sent: '1' });
    expect(await admin.dbsize()).toBe(3);
    run.forget();
    await run.write({ 1: null, 2: null }, {});
    await run.write({ 4: null });
    await run.write({}, {}, { keptFor: 7 * DAY });
    expect(await kept()).toEqual({ sent: '1' });
    expect(await admin.ttl(NAME)).toBeGreaterThan(0);
    await admin.config('SET', 'maxmemory', '0');
    await run.write({ 3: 'claim', sent: '2' });
    expect(await kept()).toEqual({ 3: 'claim', sent: '2' });
  });

  test('one that cannot save, or has too few replicas, refuses a write whole, and takes it once it can', async () => {
    admin.disconnect();
    await server.stop();
    await serve('--save', '3600 1000000');
    const run = await opened(entries);
    const [, folder] = (await admin.config('GET', 'dir')) as [string, string];
    rmSync(folder, { recursive: true });
    await admin.bgsave();
    while (!(await admin.info('persistence')).includes('rdb_last_bgsave_status:err'))
      await new Promise((resolve) => setTimeout(resolve, 20));
    await failsWith(run.write({ 1: 'claim' }, { pacing: '1' }), CheckpointUnreachable, /cannot save to its disk/);
    await failsWith(entries.check(), CheckpointUnreachable, /cannot save to its disk/);
    await admin.config('SET', 'stop-writes-on-bgsave-error', 'no');
    await admin.config('SET', 'min-replicas-to-write', '1');
    await failsWith(run.repeat(0), CheckpointUnreachable, /too few of its replicas are up/);
    expect([await kept(), await kept(LINE)]).toEqual([{}, {}]);
    await admin.config('SET', 'min-replicas-to-write', '0');
    await run.repeat();
    expect([await kept(), await kept(LINE)]).toEqual([{ 1: 'claim' }, { pacing: '1' }]);
  });

  test('a key that another program spoilt is refused before anything is written', async () => {
    const run = await opened(entries);
    await admin.set(LINE, 'not a hash');
    await failsWith(run.write({ 1: 'claim' }, { pacing: '1' }), CheckpointUnreachable, /refuses: WRONGTYPE/);
    await failsWith(entries.open(LINE, 9), CheckpointUnreachable, /refuses: WRONGTYPE/);
    expect(await kept()).toEqual({});
  });

  test('what other programs read is a copy: spoilt or thrown away, the checkpoint is whole, and it is written anew', async () => {
    const run = await opened(entries);
    await run.write({ sent: '3', failed: '1', last_message: '7' });
    expect(await admin.mget(COPIES)).toEqual(['3', '1', '7']);
    await admin.del('campaign:1:sent');
    await admin.hset('campaign:1:failed-not', 'a', '1');
    await admin.del('campaign:1:failed');
    await admin.hset('campaign:1:failed', 'a', '1');
    expect(await kept()).toEqual({ sent: '3', failed: '1', last_message: '7' });
    await run.write({ sent: '4', failed: '2', last_message: null });
    expect(await admin.mget(COPIES)).toEqual(['4', '2', null]);
  });

  test('the copies of Message 2 are apart, and live as long as what they are copies of', async () => {
    const name = 'campaign:1:message_2';
    await entries.open(name, 1);
    await entries.write(1, [{ name, epoch: 1, fields: { sent: '1', header: '{}' }, keptFor: 7 * DAY }]);
    await entries.write(2, [{ name, epoch: 1, fields: { sent: '2', failed: '1' } }]);
    const keys = (await admin.keys('*')).sort();
    expect(keys).toEqual([name, `${name}:failed`, `${name}:sent`]);
    for (const key of keys) expect(await admin.ttl(key)).toBeGreaterThan(7 * 86_400 - 60);
    await entries.open(name, 2);
    for (const key of keys) expect(await admin.ttl(key)).toBe(-1);
  });

  test('a read-only replica is named as such, by doctor too', async () => {
    await admin.call('REPLICAOF', '127.0.0.1', `${await freePort()}`);
    await failsWith(entries.open(NAME, 1), CheckpointUnreachable, /is a read-only replica/);
    await failsWith(entries.check(), CheckpointUnreachable, /is a read-only replica/);
    await admin.config('SET', 'replica-read-only', 'no');
    await failsWith(entries.check(), CheckpointUnreachable, /is a read-only replica/);
  });

  test('a Redis that wants a password says so, a wrong one is told apart, and no password is ever shown', async () => {
    await admin.config('SET', 'requirepass', 's3cret/:@');
    const withPassword = (password: string) => server.url.replace('//', `//:${encodeURIComponent(password)}@`);
    await failsWith(entries.check(), UsageError, /wants a password/);
    const wrong = await failsWith(at(withPassword('hunter2')).check(), UsageError, /refuses the password/);
    expect(inspect(wrong, { depth: 9 })).not.toContain('hunter2');
    const right = at(withPassword('s3cret/:@'));
    expect((await right.check()).detail).toMatch(/^Redis \d+\.\d+\.\d+ at 127\.0\.0\.1:\d+, database 0$/);
    await opened(right);
  });

  test.each([
    ['no keys of ours', '+@all ~other:*'],
    ["not the line's keys", '+@all ~campaign:*'],
    ["not the campaign's keys", '+@all ~line:*'],
    ['no scripts', '+@all -@scripting ~*'],
    ['no EVAL', '+@all -eval ~*'],
    ['no EVALSHA', '+@all -evalsha ~*'],
    ['no command that a script needs', '+@all -hset ~*'],
    ['no command that a script needs late', '+@all -pexpire ~*'],
    ['only to read', '+@read +@scripting ~*'],
  ])('a user without rights is told so by doctor: %s', async (_, rights) => {
    await admin.call('ACL', 'SETUSER', 'clerk', 'on', '>pw', ...rights.split(' '));
    await failsWith(as('clerk').check(), UsageError, /does not let this user run scripts on the keys campaign:\* and line:\*$/);
    expect(await admin.dbsize()).toBe(0);
  });

  test('a user with the rights that are needed, and no more, can do all', async () => {
    const commands = '+eval +evalsha +hgetall +hget +hmget +hset +hdel +set +del +persist +pexpire +pttl +info +config|get';
    await admin.call('ACL', 'SETUSER', 'clerk', 'on', '>pw', '~campaign:*', '~line:*', ...commands.split(' '));
    const clerk = as('clerk');
    expect((await clerk.check()).detail).toMatch(/^Redis \d/);
    await (await opened(clerk)).write({ sent: '1' }, { pacing: '1' }, { keptFor: DAY });
    await admin.call('ACL', 'SETUSER', 'clerk', '-info', '-config');
    expect((await clerk.check()).warnings).toHaveLength(2);
  });

  test.each(['EVAL', 'EVALSHA', 'HSET', 'PEXPIRE'])('doctor says when %s was renamed away', async (command) => {
    admin.disconnect();
    await server.stop();
    await serve('--rename-command', command, '');
    await failsWith(entries.check(), UsageError, /lacks a command that wsend needs \(EVAL, .*, or has renamed it$/);
    expect(await admin.dbsize()).toBe(0);
  });

  test('doctor says when it is a cluster', async () => {
    admin.disconnect();
    await server.stop();
    await serve('--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf');
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await failsWith(entries.check(), UsageError, /is part of a cluster/);
  });

  test('doctor says when there is too little memory left for a campaign, and how much', async () => {
    await admin.config('SET', 'maxmemory', '8mb');
    await failsWith(entries.check(), UsageError, /has \d\.?\d* MiB left of its 8 MiB \(maxmemory\), and a campaign may need 8 MiB$/);
    await admin.config('SET', 'maxmemory-policy', 'volatile-lru');
    await failsWith(entries.check(), UsageError, /MiB left/);
    await admin.config('SET', 'maxmemory', '100mb');
    await entries.check();
    await admin.config('SET', 'maxmemory', '8mb');
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect((await entries.check()).warnings[0]).toMatch(/evicts checkpoints/);
    expect(await admin.dbsize()).toBe(0);
  });

  test('the number of a database that does not exist is refused, and nothing is written to another', async () => {
    await failsWith(at(`${server.url}/99`).open(NAME, 1), UsageError, /has no database 99/);
    await admin.call('ACL', 'SETUSER', 'clerk', 'on', '>pw', '+@all', '-select', '~*');
    await failsWith(as('clerk', `${server.url}/5`).open(NAME, 1), UsageError, /does not let this user/);
    expect(await admin.dbsize()).toBe(0);
  });

  test('a database number in the address is used, after a reconnection too', async () => {
    const fifth = at(`${server.url}/5`);
    const run = await opened(fifth);
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await run.write({ 1: 'claim' }).catch(() => run.repeat());
    expect(await admin.dbsize()).toBe(0);
    expect((await fifth.check()).detail).toMatch(/database 5$/);
  });

  test('scripts that Redis has forgotten are sent again', async () => {
    const run = await opened(entries);
    await run.write({ 1: 'claim' });
    await admin.script('FLUSH');
    await run.write({ 2: 'claim' });
    expect(await kept()).toEqual({ 1: 'claim', 2: 'claim' });
  });

  test('doctor warns of settings that endanger the promise, and is content without them', async () => {
    expect((await entries.check()).warnings).toEqual([expect.stringMatching(/^appendonly is off/)]);
    await admin.config('SET', 'appendonly', 'yes');
    await admin.config('SET', 'appendfsync', 'no');
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect((await entries.check()).warnings).toEqual([
      expect.stringMatching(/allkeys-lru: harmless while no maxmemory/),
      expect.stringMatching(/^appendfsync is no/),
    ]);
    await admin.config('SET', 'maxmemory', '100mb');
    expect((await entries.check()).warnings[0]).toMatch(/allkeys-lru: a full Redis evicts checkpoints/);
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    await admin.config('SET', 'appendfsync', 'everysec');
    expect((await entries.check()).warnings).toEqual([]);
    await admin.call('ACL', 'SETUSER', 'default', '-config', '-info');
    expect((await entries.check()).warnings).toEqual([
      expect.stringMatching(/^could not check whether Redis may evict keys: maxmemory-policy/),
      expect.stringMatching(/^could not check whether Redis keeps an append-only file: appendonly/),
    ]);
  });

  test('nothing answers at the address: said within seconds, and nothing else is printed', async () => {
    const printed = [vi.spyOn(console, 'error'), vi.spyOn(console, 'warn'), vi.spyOn(process.stderr, 'write')];
    await failsWith(at(`redis://127.0.0.1:${await freePort()}`).check(), CheckpointUnreachable, /does not answer: connect ECONNREFUSED/);
    await failsWith(at('redis://no-such-host.invalid').check(), CheckpointUnreachable, /does not answer: getaddrinfo/);
    await failsWith(at(server.url.replace('redis:', 'rediss:')).check(), CheckpointUnreachable, /does not answer/);
    for (const spy of printed) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });

  test('an address that is none of a Redis is refused before anything is tried', () => {
    for (const url of ['localhost', 'http://localhost', 'redis://', 'redis://localhost/a', '']) {
      expect(() => redisEntries(url), url).toThrow(UsageError);
    }
  });
});

describe.runIf(redisProgram)('memory', () => {
  test('settled recipients leave nothing behind in Redis', async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const admin = new Redis(server.url);
    const entries = redisEntries(server.url);
    onTestFinished(async () => {
      admin.disconnect();
      await entries.close();
    });
    const run = await opened(entries);
    const value = JSON.stringify({
      is: 'claim',
      reference: 'wsend-1-1000000-abcdefgh',
      phone: '+22997000001',
      line: 'line',
      at: 1_790_000_000_000,
    });
    const sendThousand = async (from: number) => {
      const messages = Array.from({ length: 1_000 }, (_, i) => from + i);
      const all = (text: string | null) => Object.fromEntries(messages.map((message) => [message, text]));
      const counted = { sent: String(from + 999), failed: '0', last_message: String(from + 999) };
      await run.write(all(value), { pacing: '{}' });
      await run.write({ ...all(value), ...counted }, { pacing: '{}' });
      await run.write(all(null));
    };
    const held = async () => {
      const keys = (await admin.keys('*')).sort();
      const sizes = await Promise.all(keys.map((key) => admin.call('MEMORY', 'USAGE', key) as Promise<number>));
      return { keys, bytes: sizes.reduce((sum, size) => sum + size, 0) };
    };
    await sendThousand(1_000_000);
    const first = await held();
    for (let i = 1; i <= 5; i += 1) await sendThousand(1_000_000 + i * 1_000);
    await sendThousand(1_900_000);
    // Redis gives the room of a table back step by step, when it has time.
    await expect.poll(async () => ((await held()).bytes - first.bytes) / 6_000, { timeout: 20_000, interval: 200 }).toBeLessThan(0.1);
    const last = await held();
    expect(last.keys).toEqual([...COPIES, NAME, LINE].sort());
    expect(await admin.mget(COPIES)).toEqual(['1900999', '0', '1900999']);
    await run.write({}, {}, { keptFor: 7 * DAY });
    for (const key of [...COPIES, NAME]) expect(await admin.ttl(key)).toBeGreaterThan(7 * 86_400 - 60);
  });
});

const NAME = 'campaign:1:message_1';
const LINE = 'line:line';
const COPIES = ['sent', 'failed', 'last_message'].map((field) => `campaign:1:${field}`);

/** A run that opened a campaign and a line. */
async function opened(entries: Entries, epoch = 1) {
  for (const name of [NAME, LINE]) await entries.open(name, epoch);
  return runOf(entries, epoch);
}

/** Its steps, in order. */
function runOf(entries: Entries, epoch: number) {
  let step = 0;
  let last: [Write, ...Write[]] | undefined;
  return {
    write(fields: Write['fields'], also: Write['fields'] = {}, about: Pick<Write, 'keptFor'> = {}): Promise<void> {
      step += 1;
      last = [
        { name: NAME, epoch, fields, ...about },
        { name: LINE, epoch, fields: also },
      ];
      return entries.write(step, last);
    },
    /** The last one again, for as long as Redis cannot be reached, at most so many ms. */
    repeat: (patience?: number) => untilReachable(() => entries.write(step, last as [Write, ...Write[]]), patience),
    /** The last one was never taken. */
    forget() {
      step -= 1;
    },
  };
}

/** Repeats a call for as long as Redis cannot be reached, at most 10 s. */
async function untilReachable<T>(call: () => Promise<T>, patience = 10_000): Promise<T> {
  const end = Date.now() + patience;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof CheckpointUnreachable) || Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

type Kind = typeof CheckpointUnreachable | typeof UsageError | typeof LeaseLost;

async function failsWith(call: Promise<unknown>, kind: Kind, message: RegExp): Promise<InstanceType<Kind>> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(kind);
  expect((error as Error).message).toMatch(message);
  expect((error as Error).message).not.toContain('\n');
  return error as InstanceType<Kind>;
}
