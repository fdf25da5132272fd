import { describe, expect, it } from 'vitest';
import { isAvailable } from '../support/databases.ts';
import { redisProgram } from '../support/env.ts';
import { startRedis } from '../support/servers.ts';
import { violations } from '../torture/check.ts';
import { type Ground, planOf } from '../torture/plan.ts';
import { play } from '../torture/play.ts';

// A few rounds of npm run torture, which plays hundreds. When one fails here, it says how to play it again.

const ROUNDS: [seed: number, ground: Ground][] = [
  [30, { store: 'database', database: 'sqlite' }],
  [8, { store: 'database', database: 'postgres' }],
  [32, { store: 'database', database: 'mysql' }],
  [49, { store: 'redis', database: 'sqlite' }],
  [43, { store: 'redis', database: 'postgres' }],
  [51, { store: 'redis', database: 'mysql' }],
];

describe.concurrent('killed again and again, with a provider that fails in every way', { timeout: 150_000 }, () => {
  for (const [seed, ground] of ROUNDS) {
    const { store, database } = ground;
    if (!isAvailable(database) || (store === 'redis' && !redisProgram)) continue;
    it(`seed ${seed}, ${store} store, ${database}: nobody twice, nobody forgotten, and every number adds up`, async ({
      onTestFinished,
    }) => {
      const redis = store === 'redis' ? await startRedis(['--appendonly', 'yes']) : null;
      onTestFinished(() => redis?.stop());
      const again = `npm run torture -- --rounds 1 --seed ${seed} --store ${store} --database ${database}`;
      const [found, accepted] = await play(planOf(seed, ground), redis, (evidence) => ({
        keep: false,
        result: [violations(evidence), evidence.accepted.length] as const,
      }));
      expect(found, again).toEqual([]);
      expect(accepted).toBeGreaterThan(0);
    });
  }
});
