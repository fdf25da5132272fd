import { connect as connectSocket } from 'node:net';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { redisCheckpointStore } from '../../../src/adapters/redis/checkpoint-store.ts';
import { CheckpointUnreachable, LockLost, UsageError } from '../../../src/errors.ts';
import type { Change, Checkpoint, CheckpointStore, Claim, Owner } from '../../../src/ports.ts';
import { redisProgram } from '../../support/env.ts';
import { freePort, type RunningRedis, startRedis } from '../../support/servers.ts';
import { lossyProxy } from './lossy-proxy.ts';

describe.runIf(redisProgram)('a Redis in trouble', () => {
  let server: RunningRedis;
  let admin: Redis;
  let store: CheckpointStore;
  const opened: CheckpointStore[] = [];

  async function serve(...settings: string[]): Promise<void> {
    server = await startRedis(settings);
    admin = new Redis(server.url, { retryStrategy: () => 50 });
    admin.on('error', () => undefined);
    store = at(server.url);
  }
  function at(url: string): CheckpointStore {
    const one = redisCheckpointStore(url);
    opened.push(one);
    return one;
  }
  beforeEach(() => serve());
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
    admin.disconnect();
    await server.stop();
  });

  async function started(from = store): Promise<Checkpoint> {
    const answer = await from.acquire(1, 'line', OWNER, []);
    if (!('checkpoint' in answer)) throw new Error('held');
    await answer.checkpoint.begin(HEADER, { sent: 0, failed: 0 });
    return answer.checkpoint;
  }

  test('killed: the commit is refused within seconds, and a Redis that forgot everything is noticed', async () => {
    const checkpoint = await started();
    await server.kill();
    const before = Date.now();
    await failsWith(
      checkpoint.commit([claim(1)], null),
      CheckpointUnreachable,
      /^Redis at 127\.0\.0\.1:\d+ does not answer: .*ECONNREFUSED/,
    );
    expect(Date.now() - before).toBeLessThan(5_000);
    await server.restart();
    await failsWith(
      untilReachable(() => checkpoint.commit([claim(1)], null)),
      LockLost,
      /expired .* or Redis was wiped/,
    );
    expect((await store.view(1)).claimed).toBe(0);
  });

  test('killed and back with its append-only file: the same commit, repeated, works and counts once', async () => {
    admin.disconnect();
    await server.stop();
    await serve('--appendonly', 'yes', '--appendfsync', 'always');
    const checkpoint = await started();
    await checkpoint.commit([claim(1), claim(2)], null);
    await server.kill();
    const settle: Change[] = [settled(1)];
    await expect(checkpoint.commit(settle, null)).rejects.toThrow(CheckpointUnreachable);
    await server.restart();
    await untilReachable(() => checkpoint.commit(settle, null));
    expect(await store.view(1)).toMatchObject({ claimed: 1, sent: 1, unstored: { sent: 1 } });
  });

  test('back as it was a moment ago: noticed by the run that goes on, and told to the one that comes after', async () => {
    const checkpoint = await started();
    await checkpoint.commit([claim(1)], null);
    const next = async () => {
      const answer = await store.acquire(1, 'line', OWNER, []);
      if (!('checkpoint' in answer)) throw new Error('held');
      return answer.checkpoint;
    };
    expect(await (await next()).recover()).not.toHaveProperty('mayHaveForgotten');
    await admin.save();
    await checkpoint.commit([settled(1), claim(2)], null);
    await server.restart();
    await failsWith(
      untilReachable(() => checkpoint.commit([settled(2)], null)),
      LockLost,
      /^Redis at 127\.0\.0\.1:\d+ went back to an earlier state/,
    );
    expect(await untilReachable(async () => (await next()).recover())).toMatchObject({ mayHaveForgotten: true, claims: [{ message: 1 }] });
  });

  test('a Redis that does not say which process it is may have been restarted', async () => {
    await admin.call('ACL', 'SETUSER', 'default', '-info');
    expect(await (await started()).recover()).toMatchObject({ mayHaveForgotten: true });
  });

  test('suspended: a commit is given up after 5 s, and its late arrival changes nothing that came after', async () => {
    const checkpoint = await started();
    server.process.kill('SIGSTOP');
    const before = Date.now();
    await failsWith(checkpoint.commit([claim(1)], null), CheckpointUnreachable, /does not answer: no reply within 5 s/);
    expect(Date.now() - before).toBeLessThan(10_000);
    server.process.kill('SIGCONT');
    await untilReachable(() => checkpoint.commit([claim(1)], null));
    await checkpoint.commit([settled(1)], null);
    expect(await store.view(1)).toMatchObject({ claimed: 0, sent: 1 });
  });

  test('answers lost on the way, again and again: every commit is applied once', async () => {
    const proxy = await lossyProxy(server.port);
    const checkpoint = await started(at(proxy.url));
    let pieces = 0;
    proxy.loses = () => {
      pieces += 1;
      return pieces % 7 === 3 || pieces % 11 === 5;
    };
    for (let message = 1; message <= 60; message += 1) {
      const changes: Change[][] = [[claim(message)], [settled(message), ...(message % 2 ? [stored(message)] : [])]];
      for (const step of changes) await untilReachable(() => checkpoint.commit(step, null));
      const wholeLife = [claim(1_000 + message), settled(1_000 + message), stored(1_000 + message)];
      await untilReachable(() => checkpoint.commit(wholeLife, null));
    }
    expect(await store.view(1)).toMatchObject({ sent: 120, claimed: 0, unstored: { sent: 30 } });
    await untilReachable(() => checkpoint.release({ ...HEADER, finished: true }));
    expect(await store.view(1)).toMatchObject({ owner: null, header: { finished: true } });
    await proxy.close();
  }, 60_000);

  test('an answer lost on the way of what the listener has learned: the counters move once', async () => {
    const proxy = await lossyProxy(server.port);
    await (await started()).release(HEADER);
    const listener = at(proxy.url);
    let pieces = 0;
    proxy.loses = () => {
      pieces += 1;
      return pieces % 5 === 2;
    };
    // What is not known to have happened is not repeated by the listener; the client repeats it once by itself.
    let moved = 0;
    for (let i = 0; i < 40; i += 1)
      await listener.moveCounters({ campaign: 1, sent: 0, failed: 1 }).then(
        () => (moved += 1),
        () => undefined,
      );
    expect(pieces).toBeGreaterThan(45);
    expect(moved).toBeGreaterThan(30);
    const { failed } = await store.view(1);
    expect(failed).toBeGreaterThanOrEqual(moved);
    expect(failed).toBeLessThanOrEqual(40);
    await proxy.close();
  });

  test('a copy of an old commit that arrives late, on another connection, is not applied', async () => {
    const proxy = await lossyProxy(server.port);
    const checkpoint = await started(at(proxy.url));
    await checkpoint.commit([claim(1)], { lastStart: 1, sentInBatch: 1, notBefore: 0 });
    const copy = proxy.requests.at(-1) as Buffer;
    await checkpoint.commit([settled(1)], { lastStart: 2, sentInBatch: 2, notBefore: 0 });
    const after = await checkpoint.recover();
    const late = connectSocket(server.port, '127.0.0.1');
    const answer = await new Promise<string>((resolve) => {
      late.once('data', (data) => resolve(data.toString()));
      late.write(copy);
    });
    late.destroy();
    expect(answer).toContain('ok');
    expect(await checkpoint.recover()).toEqual(after);
    expect(await store.view(1)).toMatchObject({ claimed: 0, sent: 1 });
    await proxy.close();
  });

  test('full: a commit is refused whole; heartbeats, and what frees memory, still pass', async () => {
    const checkpoint = await started();
    await checkpoint.commit([claim(1), claim(2), settled(1)], null);
    const before = await checkpoint.recover();
    await admin.config('SET', 'maxmemory', '1mb');
    await admin.config('SET', 'maxmemory', '1');
    await failsWith(checkpoint.commit([settled(2), stored(1), claim(3)], PACED), CheckpointUnreachable, /is full \(maxmemory\)/);
    await failsWith(checkpoint.commit([], PACED), CheckpointUnreachable, /is full/);
    await failsWith(checkpoint.begin({ ...HEADER, identity: 'b' }, { sent: 9, failed: 9 }), CheckpointUnreachable, /is full/);
    await failsWith(checkpoint.release({ ...HEADER, finished: true }), CheckpointUnreachable, /is full/);
    await failsWith(store.acquire(2, 'other', OWNER, []), CheckpointUnreachable, /is full/);
    expect(await checkpoint.recover()).toEqual(before);
    expect(await store.view(1)).toMatchObject({ sent: 1, claimed: 1, owner: OWNER });
    await checkpoint.commit([], null);
    await checkpoint.commit([stored(1)], null);
    expect(await store.view(1)).toMatchObject({ sent: 1, unstored: { sent: 0 } });
    await admin.config('SET', 'maxmemory', '0');
    await checkpoint.commit([settled(2), claim(3)], null);
    expect(await store.view(1)).toMatchObject({ sent: 2, claimed: 1 });
  });

  test('a key that another program spoilt is refused before anything is written', async () => {
    const checkpoint = await started();
    await admin.set('campaign:1:outcomes', 'not a hash');
    await failsWith(checkpoint.commit([claim(1)], PACED), CheckpointUnreachable, /refuses: WRONGTYPE/);
    expect(await admin.exists('campaign:1:claims', 'line:line:pacing')).toBe(0);
  });

  test('a read-only replica is named as such, by doctor too', async () => {
    await admin.call('REPLICAOF', '127.0.0.1', `${await freePort()}`);
    await failsWith(store.acquire(1, 'line', OWNER, []), CheckpointUnreachable, /is a read-only replica/);
    await failsWith(store.check(), CheckpointUnreachable, /is a read-only replica/);
  });

  test('a Redis that wants a password says so, a wrong one is told apart, and no password is ever shown', async () => {
    await admin.config('SET', 'requirepass', 's3cret/:@');
    const withPassword = (password: string) => server.url.replace('//', `//:${encodeURIComponent(password)}@`);
    await failsWith(store.check(), UsageError, /wants a password/);
    const wrong = await failsWith(at(withPassword('hunter2')).check(), UsageError, /refuses the password/);
    expect(inspect(wrong, { depth: 9 })).not.toContain('hunter2');
    const right = at(withPassword('s3cret/:@'));
    expect((await right.check()).detail).toMatch(/^Redis \d+\.\d+\.\d+ at 127\.0\.0\.1:\d+, database 0$/);
    await started(right);
  });

  test('a user without rights is told which are missing', async () => {
    await admin.call('ACL', 'SETUSER', 'clerk', 'on', '>pw', '+@all', '~other:*');
    await failsWith(at(server.url.replace('//', '//clerk:pw@')).view(1), UsageError, /does not let this user run scripts on the keys/);
  });

  test('the number of a database that does not exist is refused, and nothing is written to another', async () => {
    await failsWith(at(`${server.url}/99`).acquire(1, 'line', OWNER, []), UsageError, /has no database 99/);
    await admin.call('ACL', 'SETUSER', 'clerk', 'on', '>pw', '+@all', '-select', '~*');
    await failsWith(at(`${server.url.replace('//', '//clerk:pw@')}/5`).acquire(1, 'line', OWNER, []), UsageError, /does not let this user/);
    expect(await admin.dbsize()).toBe(0);
  });

  test('a database number in the address is used, after a reconnection too', async () => {
    const fifth = at(`${server.url}/5`);
    const checkpoint = await started(fifth);
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await untilReachable(() => checkpoint.commit([claim(1)], null));
    expect(await admin.dbsize()).toBe(0);
    expect((await fifth.check()).detail).toMatch(/database 5$/);
  });

  test('scripts that Redis has forgotten are sent again', async () => {
    const checkpoint = await started();
    await checkpoint.commit([claim(1)], null);
    await admin.script('FLUSH');
    await checkpoint.commit([claim(2)], null);
    expect((await store.view(1)).claimed).toBe(2);
  });

  test('doctor warns of settings that endanger the promise, and is content without them', async () => {
    expect((await store.check()).warnings).toEqual([expect.stringMatching(/^appendonly is off/)]);
    await admin.config('SET', 'appendonly', 'yes');
    await admin.config('SET', 'appendfsync', 'no');
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect((await store.check()).warnings).toEqual([
      expect.stringMatching(/allkeys-lru: harmless while no maxmemory/),
      expect.stringMatching(/^appendfsync is no/),
    ]);
    await admin.config('SET', 'maxmemory', '100mb');
    expect((await store.check()).warnings[0]).toMatch(/allkeys-lru: a full Redis throws checkpoints away/);
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    await admin.config('SET', 'appendfsync', 'everysec');
    expect((await store.check()).warnings).toEqual([]);
    await admin.call('ACL', 'SETUSER', 'default', '-config', '-info');
    expect((await store.check()).warnings).toEqual([
      expect.stringMatching(/could not be checked: maxmemory-policy/),
      expect.stringMatching(/could not be checked: appendonly/),
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
      expect(() => redisCheckpointStore(url), url).toThrow(UsageError);
    }
  });
});

describe.runIf(redisProgram)('memory', () => {
  test('settled recipients leave nothing behind in Redis', async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const admin = new Redis(server.url);
    const store = redisCheckpointStore(server.url);
    onTestFinished(async () => {
      admin.disconnect();
      await store.close();
    });
    const answer = await store.acquire(1, 'line', OWNER, []);
    if (!('checkpoint' in answer)) throw new Error('held');
    await answer.checkpoint.begin(HEADER, { sent: 0, failed: 0 });
    const sendThousand = async (from: number) => {
      const messages = Array.from({ length: 1_000 }, (_, i) => from + i);
      await answer.checkpoint.commit(messages.map(claim), PACED);
      await answer.checkpoint.commit(messages.map(settled), PACED);
      await answer.checkpoint.commit([{ type: 'stored', messages }], PACED);
      const keys = (await admin.keys('*')).sort();
      const sizes = await Promise.all(keys.map((key) => admin.call('MEMORY', 'USAGE', key) as Promise<number>));
      return { keys, bytes: sizes.reduce((sum, size) => sum + size, 0) };
    };
    const first = await sendThousand(1_000_000);
    for (let i = 1; i <= 5; i += 1) await sendThousand(1_000_000 + i * 1_000);
    const last = await sendThousand(1_900_000);
    expect((last.bytes - first.bytes) / 6_000).toBeLessThan(0.1);
    expect(last.keys).toEqual([
      ...['failed', 'header', 'last_message', 'lock', 'owners', 'sent'].map((name) => `campaign:1:${name}`),
      'line:line:lock',
      'line:line:pacing',
    ]);
    expect(await admin.mget('campaign:1:sent', 'campaign:1:failed', 'campaign:1:last_message')).toEqual(['7000', '0', '1900999']);
    await answer.checkpoint.release({ ...HEADER, finished: true });
    const lives = await Promise.all((await admin.keys('*')).map((key) => admin.ttl(key)));
    expect(lives).toHaveLength(6);
    for (const seconds of lives) expect(seconds).toBeGreaterThan(7 * 86_400 - 60);
  });
});

const NOW = 1_790_000_000_000;
const OWNER: Owner = { token: 't', host: 'h', machine: 'm', boot: 'b', namespace: 'n', pid: 1, startedAt: NOW, birth: '' };
const HEADER = { identity: 'a', sandbox: false, settings: {}, paused: null, finished: false };
const PACED = { lastStart: NOW, sentInBatch: 3, notBefore: 0 };

function claim(message: number): Change {
  const claim: Claim = { message, reference: `wsend-1-${message}`, phone: '+22997000001', line: 'line', attempt: 1, at: NOW, owner: OWNER };
  return { type: 'claim', claim };
}

function settled(message: number): Change {
  return { type: 'settle', result: { kind: 'sent', message, providerId: `id-${message}`, at: NOW, attempts: 1 } };
}

function stored(message: number): Change {
  return { type: 'stored', messages: [message] };
}

/** Repeats a call for as long as Redis cannot be reached, at most 10 s. */
async function untilReachable<T>(call: () => Promise<T>): Promise<T> {
  const end = Date.now() + 10_000;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof CheckpointUnreachable) || Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

type Kind = typeof CheckpointUnreachable | typeof UsageError | typeof LockLost;

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
