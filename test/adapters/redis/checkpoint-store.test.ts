import { describe } from 'vitest';
import { checkpointStoreContract } from '../../contract/checkpoint-store.ts';
import { redisDatabase } from '../../support/env.ts';
import { redisPlace } from './place.ts';

const url = redisDatabase(11);

describe.runIf(url !== undefined)('Redis', () => {
  checkpointStoreContract('checkpoints in Redis', () => redisPlace(url as string));
});
