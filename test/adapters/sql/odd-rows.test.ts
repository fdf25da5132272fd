import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sqlEntries } from '../../../src/adapters/sql/entries/sql-entries.ts';
import { leases } from '../../../src/adapters/sql/leases/sql-leases.ts';
import type { SqlDialect } from '../../../src/adapters/sql/open/dialect.ts';
import { type Database, openDatabase } from '../../../src/adapters/sql/open/sql-database.ts';
import { recipientStore } from '../../../src/adapters/sql/stores/recipient-store.ts';
import { campaignStore } from '../../../src/adapters/sql/stores/sql-campaign-store.ts';
import { migrateOwnTables } from '../../../src/adapters/sql/tables/own-tables.ts';
import { createMissingTables } from '../../../src/adapters/sql/tables/schema.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { campaignName, lineName } from '../../../src/core/checkpoint.ts';
import type { Event } from '../../../src/core/event.ts';
import { isConsistent, progressOf } from '../../../src/core/progress.ts';
import { holdLease } from '../../../src/loop/held-lease.ts';
import { OptOutList } from '../../../src/loop/opt-out-list.ts';
import { findPersons } from '../../../src/loop/persons.ts';
import type { CampaignStore } from '../../../src/ports/campaign-store.ts';
import { runCampaign } from '../../../src/run-campaign.ts';
import { openLine, recover } from '../../../src/runs/recover.ts';
import { freshDatabase, isAvailable, type TestDatabase } from '../../support/databases.ts';
import { MemoryOptOuts } from '../../support/memory-opt-outs.ts';
import { MemoryProvider, withHistory } from '../../support/memory-provider.ts';
import { POLICY } from '../../support/sim-world.ts';

/** Tables without a single constraint, as an import script of somebody's may have made them. */
const LOOSE = `
  create table contacts (id bigint, phone_number text, country_code text, full_number text, first_name text, last_name text,
    whatsapp_verified smallint, created_at timestamp null, updated_at timestamp null);
  create table messages (id bigint, campaign_id bigint, contact_id bigint, message_type varchar(50), content text, status varchar(50),
    whatsapp_message_id text, error_message text, retry_count integer, sent_at timestamp null, delivered_at timestamp null,
    read_at timestamp null, created_at timestamp null, updated_at timestamp null);
  create table campaigns (id bigint, name text, message_1 text, message_2 text, template_name text, status varchar(50), total_recipients integer,
    sent_count integer, success_count integer, failed_count integer, interaction_count integer, created_at timestamp null, updated_at timestamp null);`;

const oddText = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    'pending',
    'wsend: note',
    'unconfirmed:x',
    "'; drop table messages; --",
    '\\',
    '%',
    '{{ x }}',
    'é😀',
    '\u2028',
    '\t\n',
  ),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.integer({ min: 4_000, max: 9_000 }).map((length) => 'x'.repeat(length)),
);
const row = fc.record({
  phone: fc.oneof(
    fc.integer({ min: 1, max: 9 }).map((n) => `+22901900000${n}`),
    fc.integer({ min: 1, max: 9 }).map((n) => ` 22901900000${n}`),
    fc.constantFrom(null, '', '+', 'call me', '+0', '9'.repeat(300), '++2290190000001', '٢٢٩٠١٩٠٠٠٠٠٠١'),
    oddText,
  ),
  hasContact: fc.boolean(),
  sameContact: fc.boolean(),
  content: fc.oneof(fc.constantFrom('Hello', 'Hello', null), oddText),
  type: fc.constantFrom('message_1', 'message_1', 'message_1', 'message_2', 'message_9', '', null),
  status: fc.constantFrom('pending', 'pending', 'pending', 'sent', 'read', 'failed', 'queued', 'PENDING', 'pending ', '', null),
  providerId: fc.oneof(fc.constant(null), oddText),
  error: fc.oneof(fc.constantFrom(null, null, 'wsend: in doubt'), oddText),
  retries: fc.constantFrom(0, 0, 1, 3, -5, 2_000_000_000, null),
});
type OddRow = typeof row extends fc.Arbitrary<infer T> ? T : never;

const GOOD_BUT_FOR_THE_STATUS = (['pending', 'PENDING', 'pending ', 'queued', null] as const).map(
  (status, i): OddRow => ({
    ...{ phone: `+22901900000${i + 1}`, hasContact: true, sameContact: false, content: 'Hello', type: 'message_1', status },
    ...{ providerId: null, error: null, retries: 0 },
  }),
);

/** Rows get ids below, at and above zero. */
function idOf(index: number): number {
  return (index - 3) * 7;
}

async function fill(test: TestDatabase, dialect: SqlDialect, rows: OddRow[]): Promise<void> {
  const quoted = (value: string | number | null) => {
    if (value === null || typeof value === 'number') return String(value);
    const text = value.replace(/\0|\p{Surrogate}/gu, '').replaceAll("'", "''");
    return dialect === 'mysql' ? `'${text.replaceAll('\\', '\\\\')}'` : `'${text}'`;
  };
  const contacts = rows.flatMap(({ phone, hasContact }, i) => (hasContact || i === 0 ? [`(${i + 1}, ${quoted(phone)})`] : []));
  const messages = rows.map(({ type, content, status, providerId, error, retries, sameContact }, i) => {
    const values = [idOf(i), 42, sameContact ? 1 : i + 1, type, content, status, providerId, error, retries];
    return `(${values.map(quoted).join(', ')})`;
  });
  await test.query('delete from contacts;\ndelete from messages;\ndelete from campaigns');
  await test.query(`insert into contacts (id, full_number) values ${contacts.join(', ')}`);
  const columns = 'id, campaign_id, contact_id, message_type, content, status, whatsapp_message_id, error_message, retry_count';
  await test.query(`insert into messages (${columns}) values ${messages.join(', ')}`);
  await test.query(`insert into campaigns (id, name, status) values (42, 'odd', 'draft')`);
  await fillHistory(test);
}

/** What `withHistory` has the provider list: a message of another campaign, so that its list is known to show what it took. */
async function fillHistory(test: TestDatabase): Promise<void> {
  await test.query(`insert into campaigns (id, name, status) values (1, 'earlier', 'completed')`);
  await test.query(`insert into contacts (id, full_number) values (900001, '+2290199999999')`);
  await test.query(`insert into messages (id, campaign_id, contact_id, message_type, content, status, whatsapp_message_id, sent_at)
    values (1, 1, 900001, 'message_1', 'Earlier', 'sent', 'earlier', '2026-01-05 08:00:00')`);
}

/** Runs the campaign, of which nothing is kept yet, until nobody is pending: a circuit breaker that opens is a pause. */
async function sendAll(database: Database, provider: MemoryProvider): Promise<Event[]> {
  for (const table of ['wsend_leases', 'wsend_checkpoints', 'wsend_entries'] as const) await database.db.deleteFrom(table).execute();
  const [entries, clock] = [sqlEntries(database), systemClock];
  const names = [campaignName(42, 'message_1'), lineName(provider.line)] as const;
  const campaigns: CampaignStore = campaignStore(database);
  const recipients = recipientStore(database);
  const events: Event[] = [];
  for (let i = 1; i <= 30; i += 1) {
    const owner = { token: `run-${i}`, host: 'h', machine: 'm', boot: 'b', namespace: 'n', pid: i, startedAt: 0, birth: '' };
    const taken = await leases(database).take(names, owner, []);
    if (!('lease' in taken)) throw new Error('held');
    const lease = holdLease(taken.lease, clock, clock.now());
    const campaign = await campaigns.find(42);
    if (campaign === undefined) throw new Error('no campaign');
    const line = await openLine({ entries, clock }, { name: names[1], lease, provider });
    const opening = { campaign, type: 'message_1', recipients, entries, lease, line, owner, clock } as const;
    const { journal, found } = await recover(opening);
    const people = await findPersons(recipients, { campaign: 42, total: 25, open: new Set() });
    const parts = {
      ...{ ...opening, campaigns, journal, limit: null, sending: true, sendMessage2: null, onIdle: null, everyone: recipients },
      optOuts: new OptOutList(new MemoryOptOuts()),
      persons: people.persons,
      report: { tell: (event: Event) => void events.push(event) },
      processes: { self: () => owner, end: () => undefined, fate: () => 'over' as const },
      policy: () => ({ ...POLICY, pace: { delayMs: 0, batchSize: 100, batchPauseMs: 0 }, lookupMs: 0 }),
    };
    const progress = progressOf(await campaigns.tally(42), { inDoubt: 0, unstoredSent: 0, unstoredFailed: 0 });
    const take = { found, progress, duplicates: people.duplicates, settings: {} };
    const ending = await runCampaign(parts, take, { onRun: () => undefined, signalCode: () => 130 });
    await lease.release();
    if (ending.broken !== null) throw ending.broken;
    if (ending.progress.pending === 0) return events;
  }
  throw new Error('somebody stays pending');
}

for (const dialect of ['sqlite', 'postgres', 'mysql'] as const) {
  describe.runIf(isAvailable(dialect))(`rows that break the rules (${dialect})`, () => {
    it('are sent, refused or left alone, each accounted for, and nobody gets two', async () => {
      const test = await freshDatabase(dialect);
      await test.query(LOOSE);
      const database = await openDatabase(test.url);
      await createMissingTables(database);
      await migrateOwnTables(database);
      try {
        await fc.assert(
          fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 25 }), async (rows) => {
            await fill(test, dialect, rows);
            const provider = new MemoryProvider(systemClock);
            withHistory(provider, [], systemClock.now);
            const events = await sendAll(database, provider);
            for (const event of events) if ('progress' in event) expect(event).toSatisfy(() => isConsistent(event.progress));
            expect(provider.duplicates()).toEqual([]);
            const accepted = new Set(provider.accepted.map(({ reference }) => Number(/^wsend-42-(-?\d+)-/.exec(reference)?.[1])));
            const after = await test.query('select id, status from messages where campaign_id = 42 order by id');
            const statuses = new Map(after.map(({ id, status }) => [Number(id), status]));
            for (const [i, { type, status }] of rows.entries()) {
              const mine = type === 'message_1' && status === 'pending';
              const now = statuses.get(idOf(i));
              if (mine) expect([idOf(i), now]).toEqual([idOf(i), accepted.has(idOf(i)) ? 'sent' : 'failed']);
              else expect([idOf(i), now, accepted.has(idOf(i))]).toEqual([idOf(i), status, false]);
            }
          }),
          { numRuns: dialect === 'sqlite' ? 25 : 8, examples: [[GOOD_BUT_FOR_THE_STATUS]] },
        );
      } finally {
        await database.close();
        await test.drop();
      }
    });

    it('with ids that cannot be told apart here are refused before anything is sent', async () => {
      const test = await freshDatabase(dialect);
      await test.query(LOOSE);
      const database = await openDatabase(test.url);
      await createMissingTables(database);
      await migrateOwnTables(database);
      try {
        await fill(test, dialect, GOOD_BUT_FOR_THE_STATUS);
        await test.query(`update messages set id = 9007199254740993 where id = ${idOf(0)}`);
        const provider = new MemoryProvider(systemClock);
        await expect(sendAll(database, provider)).rejects.toMatchObject({
          exitCode: 2,
          message: expect.stringMatching(/900719925474099[23]/),
        });
        expect(provider.accepted).toEqual([]);
      } finally {
        await database.close();
        await test.drop();
      }
    });
  });
}

it('values that are not of their column, as SQLite takes them, are sent, refused or left alone too', async () => {
  const test = await freshDatabase('sqlite');
  await test.query(LOOSE);
  const database = await openDatabase(test.url);
  await createMissingTables(database);
  await migrateOwnTables(database);
  try {
    await test.query(
      "insert into contacts (id, full_number) values (1, x'ff00'), (2, 22901900000), (3, '+2290190000003'), (4, '+2290190000004')",
    );
    await test.query(`insert into messages (id, campaign_id, contact_id, message_type, content, status, error_message, retry_count) values
      (1, 42, 1, 'message_1', 'Hello', 'pending', null, 'many'), (2, 42, 2, 'message_1', 17, 'pending', x'00', x'ff'),
      (3, 42, 3, 'message_1', x'48690a', 'pending', null, -1.5), (4, 42, 4, 'message_1', 'Hello', x'70656e64696e67', null, 0)`);
    await test.query(`insert into campaigns (id, name, status) values (42, 'odd', 'draft')`);
    const provider = new MemoryProvider(systemClock);
    const events = await sendAll(database, provider);
    expect(events.at(-1)).toMatchObject({
      type: 'summary',
      exitCode: 3,
      progress: { total: 4, sent: 2, failed: 1, pending: 0, skipped: 1 },
    });
    expect(provider.accepted.map(({ phone }) => phone).sort()).toEqual(['+22901900000', '+2290190000003']);
    expect(await test.query('select id, typeof(status) as type, retry_count from messages order by id')).toMatchObject([
      { type: 'text', retry_count: 0 },
      { type: 'text', retry_count: 1 },
      { type: 'text', retry_count: 1 },
      { type: 'blob' },
    ]);
  } finally {
    await database.close();
    await test.drop();
  }
});
