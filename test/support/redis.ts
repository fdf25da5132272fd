import { Redis } from 'ioredis';

/** Empties one Redis database: a test leaves nothing behind, and finds nothing that an earlier one left. */
export async function emptyRedis(url: string): Promise<void> {
  const redis = new Redis(url);
  await redis.flushdb();
  await redis.quit();
}
