import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SqlDialect } from '../../src/adapters/sql/open/dialect.ts';
import { isAvailable, type TestDatabase } from '../support/databases.ts';
import { redisDatabase } from '../support/env.ts';
import { createExistingDatabase, describeTables, EXISTING } from '../support/existing-database.ts';
import { emptyRedis } from '../support/redis.ts';
import { events, Place } from './program.ts';

const QUICK = {
  WASSENGER_MIN_DELAY_SECONDS: '0',
  WASSENGER_RATE_LIMIT_SECONDS: '0.05',
  WASSENGER_LOOKUP_SECONDS: '0.6',
  RETRY_BASE_DELAY_SECONDS: '0.2',
};

let place: Place;
let database: TestDatabase;
afterEach(async () => {
  await place.leave();
  await database.drop();
});

const redis = redisDatabase(13);
if (redis !== undefined) {
  // Campaign 42 is the same in each of the databases, and a checkpoint that counts what this one never had is refused.
  beforeEach(() => emptyRedis(redis));
  afterAll(() => emptyRedis(redis));
}
const cases: [SqlDialect, string, Record<string, string>][] = [
  ['sqlite', 'its own tables there', {}],
  ['postgres', 'its own tables there', {}],
  ['mysql', 'its own tables there', {}],
];
if (redis !== undefined) cases.push(['postgres', 'Redis', { REDIS_URL: redis }], ['mysql', 'Redis', { REDIS_URL: redis }]);

describe.each(cases.filter(([dialect]) => isAvailable(dialect)))(
  'campaign 42 of an existing %s database, with checkpoints in %s',
  (dialect, _store, env) => {
    it('killed three times, reaches everyone of its two categories exactly once and leaves the tables as they are', {
      timeout: 60_000,
    }, async () => {
      database = await createExistingDatabase(dialect);
      place = new Place({ ...QUICK, ...env, DATABASE_URL: database.url });
      const sandbox = await place.sandbox(`reject=*${EXISTING.refusedEnding}`, 'latency=10-120');
      const before = await describeTables(database, dialect);

      expect((await place.run(['estimate', '--campaign', '42', '--json'])).stdout).toContain(`"count":${EXISTING.recipients}`);
      let started = place.start(['run', '--campaign', '42', '--json']);
      for (let kills = 0; kills < 3; kills += 1) {
        await started.says('"type":"sent"');
        await sleep(50 + Math.random() * 150);
        started.process.kill('SIGKILL');
        await started.ended;
        started = place.start(['resume', '42', '--json']);
      }
      const last = await started.ended;
      expect([last.code, last.stderr]).toEqual([3, '']);
      const sent = EXISTING.recipients - EXISTING.refused.length;
      expect(events(last).at(-1)).toMatchObject({
        type: 'summary',
        total: EXISTING.recipients,
        sent,
        failed: EXISTING.refused.length,
        pending: 0,
        in_doubt: 0,
      });

      const accepted = (await sandbox.accepted()).map(({ phone }) => phone);
      expect(new Set(accepted).size).toBe(accepted.length);
      const people = await database.query(
        `select c.full_number, c.whatsapp_verified, m.status, m.whatsapp_message_id, m.sent_at, m.error_message, m.content
       from messages m join contacts c on c.id = m.contact_id where m.campaign_id = 42 order by c.id`,
      );
      expect(people).toHaveLength(EXISTING.recipients);
      for (const person of people) {
        const number = `+${String(person.full_number).replace('+', '')}`;
        const refused = number.endsWith(EXISTING.refusedEnding);
        expect(person.status).toBe(refused ? 'failed' : 'sent');
        expect(accepted.includes(number)).toBe(!refused);
        expect(refused ? person.error_message : person.whatsapp_message_id).toEqual(
          expect.stringMatching(refused ? /^phone:invalid: / : /^[0-9a-f]{24}$/),
        );
      }
      const [campaign] = await database.query(
        'select status, total_recipients, sent_count, success_count, failed_count from campaigns where id = 42',
      );
      expect(campaign).toMatchObject({
        status: 'completed',
        total_recipients: EXISTING.recipients,
        success_count: sent,
        failed_count: EXISTING.refused.length,
      });
      expect(await describeTables(database, dialect)).toEqual(before);
    });
  },
);

it('a text in the database whose variable is no field of a contact and has a default: said before the send', async () => {
  database = await createExistingDatabase('sqlite');
  await database.query(`update campaigns set message_1 = 'Hi {{ prenom | default: "you" }}' where id = 43`);
  place = new Place({ ...QUICK, DATABASE_URL: database.url });
  await place.sandbox();
  const outcome = await place.run(['run', '--campaign', '43', '--json']);
  expect(outcome.code, outcome.stderr).toBe(0);
  const text = '{{ prenom }} is no field of a contact; everyone gets its default';
  expect(events(outcome)).toContainEqual({ type: 'notice', level: 'info', text });
});
