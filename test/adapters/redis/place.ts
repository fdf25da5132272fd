import { Redis } from 'ioredis';
import { redisEntries } from '../../../src/adapters/redis/redis-entries.ts';
import type { EntriesPlace } from '../../contract/entries.ts';

/** An emptied Redis database for the contract. Time passes there by taking it off every key's time to live. */
export async function redisPlace(url: string): Promise<EntriesPlace> {
  const redis = new Redis(url);
  await redis.flushdb();
  return {
    entries: () => redisEntries(url),
    async pass(ms) {
      for (const key of await redis.keys('*')) {
        const left = await redis.pttl(key);
        if (left >= 0) await redis.pexpire(key, left - ms);
      }
    },
    wipe: async () => void (await redis.flushdb()),
    async copy() {
      const keys = await redis.keys('*');
      const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
      return async () => {
        await redis.flushdb();
        for (const [i, key] of keys.entries()) await redis.restore(key, 0, dumps[i] as Buffer);
      };
    },
    size: () => redis.dbsize(),
    async close() {
      await redis.flushdb();
      redis.disconnect();
    },
  };
}
