import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { redisIdentity } from '../../../src/adapters/redis/identity.ts';
import { redisProgram } from '../../support/env.ts';
import { startRedis } from '../../support/servers.ts';

describe.runIf(redisProgram)('a Redis', () => {
  it('is known by every address of it; another database of it, and one that was emptied, are others', async ({ onTestFinished }) => {
    const { url, port, stop } = await startRedis();
    onTestFinished(stop);
    const identity = await redisIdentity(url);
    expect(identity).toMatch(/^[0-9a-f-]{36}$/);
    expect(await Promise.all([redisIdentity(url), redisIdentity(`redis://localhost:${port}/0`)])).toEqual([identity, identity]);
    expect(await redisIdentity(`${url}/1`)).not.toBe(identity);
    const redis = new Redis(url);
    await redis.flushdb();
    await redis.quit();
    expect(await redisIdentity(url)).not.toBe(identity);
  });

  it('needs no other rights for it than for the checkpoint', async ({ onTestFinished }) => {
    const { url, port, stop } = await startRedis();
    onTestFinished(stop);
    const redis = new Redis(url);
    await redis.call('ACL', 'SETUSER', 'w', 'on', '>p', '~campaign:*', '~line:*', '+@all', '-@admin', '-@dangerous');
    await redis.quit();
    expect(await redisIdentity(`redis://w:p@127.0.0.1:${port}`)).toBe(await redisIdentity(url));
  });
});
