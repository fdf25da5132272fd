import { Redis } from 'ioredis';
import { redisCheckpointStore } from '../../../src/adapters/redis/checkpoint-store.ts';
import { keysOf } from '../../../src/adapters/redis/keys.ts';
import type { CheckpointPlace } from '../../contract/checkpoint-store.ts';

/** An emptied Redis database for the contract. Time passes there by taking it off every key's time to live. */
export async function redisPlace(url: string): Promise<CheckpointPlace> {
  const redis = new Redis(url);
  await redis.flushdb();
  return {
    store: (type) => redisCheckpointStore(url, type),
    async pass(ms) {
      for (const key of await redis.keys('*')) {
        const left = await redis.pttl(key);
        if (left >= 0) await redis.pexpire(key, left - ms);
      }
    },
    async setVersion(campaign, version, type) {
      await redis.hset(keysOf({ campaign, type }, '')[2] as string, 'version', version);
    },
    owners: (campaign, type) => redis.hlen(keysOf({ campaign, type }, '')[10] as string),
    async close() {
      await redis.flushdb();
      redis.disconnect();
    },
  };
}
