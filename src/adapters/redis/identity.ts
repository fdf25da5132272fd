import { randomUUID } from 'node:crypto';
import { connect } from './connection.ts';

/** No line's key looks like it, and the rights that all others need are enough for it. */
const KEY = 'line:store';

const IDENTITY = `
  if redis.call('exists', KEYS[1]) == 0 then redis.call('set', KEYS[1], ARGV[1]) end
  return redis.call('get', KEYS[1])`;

/** Tells a Redis (and its numbered database) from every other, whatever address leads to it. Kept there; one that was emptied is another. */
export async function redisIdentity(url: string): Promise<string> {
  const redis = connect(url);
  try {
    return await redis.call('EVAL', IDENTITY, '1', KEY, randomUUID());
  } finally {
    await redis.close();
  }
}
