import { describe } from 'vitest';
import { entriesContract } from '../../contract/entries.ts';
import { redisDatabase } from '../../support/env.ts';
import { redisPlace } from './place.ts';

const url = redisDatabase(11);

describe.runIf(url !== undefined)('Redis', () => {
  entriesContract('entries in Redis', () => redisPlace(url as string));
});
