import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { redisDatabase } from '../support/env.ts';
import { emptyRedis } from '../support/redis.ts';
import { events, Place } from './program.ts';

const COUNT = 300;
/** Every twentieth number is one that the sandbox refuses. */
const phone = (i: number) => `+22901${i % 20 === 7 ? `${String(i).padStart(4, '0')}0000` : `${String(i).padStart(4, '0')}1111`}`;
const REFUSED = Array.from({ length: COUNT }, (_, i) => phone(i)).filter((number) => number.endsWith('0000'));

const QUICK = {
  WASSENGER_MIN_DELAY_SECONDS: '0',
  WASSENGER_RATE_LIMIT_SECONDS: '0.01',
  WASSENGER_BATCH_PAUSE_SECONDS: '0.1',
  WASSENGER_LOOKUP_SECONDS: '0.6',
  RETRY_BASE_DELAY_SECONDS: '0.2',
};

let place: Place;
afterEach(() => place.leave());

const stores: [string, Record<string, string>][] = [['the database', {}]];
const redis = redisDatabase(12);
if (redis !== undefined) {
  beforeAll(() => emptyRedis(redis));
  afterAll(() => emptyRedis(redis));
}
if (redis !== undefined) stores.push(['Redis', { REDIS_URL: redis }]);

describe.each(stores)('with checkpoints in %s', (_name, env) => {
  it('a campaign of 300 that is killed three times reaches every valid number exactly once', { timeout: 90_000 }, async () => {
    place = new Place({ ...QUICK, ...env });
    const sandbox = await place.sandbox('reject=*0000', 'latency=5-60');
    const rows = Array.from({ length: COUNT }, (_, i) => `${phone(i)},Person ${i}`);
    writeFileSync(place.path('people.csv'), `phone,name\n${rows.join('\n')}\n`);

    const first = place.start(['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--json']);
    await first.says('"type":"sent"');
    const { campaign } = events({ stdout: first.stdout() })[0] as { campaign: number };
    await sleep(400 + Math.random() * 400);
    first.process.kill('SIGKILL');
    await first.ended;
    for (let kills = 1; kills < 3; kills += 1) {
      const again = place.start(['resume', String(campaign), '--json']);
      await again.says('"type":"sent"');
      await sleep(200 + Math.random() * 400);
      again.process.kill('SIGKILL');
      await again.ended;
    }
    const last = await place.run(['resume', String(campaign), '--json']);
    expect([last.code, last.stderr]).toEqual([3, '']);
    expect(events(last).at(-1)).toMatchObject({
      type: 'summary',
      total: COUNT,
      sent: COUNT - REFUSED.length,
      failed: REFUSED.length,
      pending: 0,
      in_doubt: 0,
      skipped: 0,
    });

    const accepted = await sandbox.accepted();
    expect(accepted.map((message) => message.phone).sort()).toEqual(
      Array.from({ length: COUNT }, (_, i) => phone(i))
        .filter((number) => !REFUSED.includes(number))
        .sort(),
    );
    expect(new Set(accepted.map((message) => message.reference)).size).toBe(accepted.length);
  });
});
