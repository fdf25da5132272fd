import { existsSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { SqlDialect } from '../../src/adapters/sql/open/dialect.ts';
import { freshDatabase, isAvailable, type TestDatabase } from '../support/databases.ts';
import { events, Place, QUICK } from './program.ts';

/** So many that they are a second's work. SQLite writes to its log only once its cache is full. */
const ROWS: Record<SqlDialect, number> = { sqlite: 50_000, postgres: 10_000, mysql: 10_000 };
const SENT = 3;
const RUN = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--limit', String(SENT), '--json'];

/** Whether thousands of the rows have been written that nobody else may see yet. */
const HALFWAY: Record<SqlDialect, (database: TestDatabase) => Promise<boolean>> = {
  async sqlite({ url }) {
    const log = `${url.replace('sqlite:', '')}-wal`;
    return existsSync(log) && statSync(log).size > 1_500_000;
  },
  postgres: async ({ query }) => Number((await query("select pg_relation_size('messages') as bytes"))[0]?.bytes) > 300_000,
  mysql: async ({ query }) =>
    Number((await query('set transaction isolation level read uncommitted; select count(*) as n from messages'))[0]?.n) > 2_000,
};

it.each(['sqlite', 'postgres', 'mysql'] as const)(
  'killed while it makes a campaign of a file: %s holds nothing of it, and the same command makes it whole',
  async (dialect) => {
    if (!isAvailable(dialect)) return;
    const database = await freshDatabase(dialect);
    const place = new Place({ ...QUICK, DATABASE_URL: database.url });
    try {
      const rows = ROWS[dialect];
      const numbers = Array.from({ length: rows }, (_, i) => `+2290197${String(i).padStart(6, '0')}`);
      place.write('people.csv', `phone,name\n${numbers.map((number, i) => `${number},Person ${i}\n`).join('')}`);
      const sandbox = await place.sandbox();
      // Its tables are there, so that they can be looked at.
      await place.run(['status']);
      const count = async () => {
        const tables = ['campaigns', 'messages', 'contacts'].map((table) => `(select count(*) from ${table}) as ${table}`);
        const [row] = await database.query(`select ${tables.join(', ')}`);
        return Object.fromEntries(Object.entries(row ?? {}).map(([name, n]) => [name, Number(n)]));
      };
      const running = place.start(RUN);
      while (!(await HALFWAY[dialect](database))) await sleep(1);
      running.process.kill('SIGKILL');
      expect(await running.ended).toMatchObject({ signal: 'SIGKILL', stdout: '' });
      expect(await count()).toEqual({ campaigns: 0, messages: 0, contacts: 0 });
      expect(await sandbox.accepted()).toEqual([]);

      const again = await place.run(RUN);
      expect(again.code, again.stderr).toBe(6);
      expect(events(again).at(-1)).toMatchObject({ type: 'summary', total: rows, sent: SENT, pending: rows - SENT });
      expect(await count()).toEqual({ campaigns: 1, messages: rows, contacts: rows });
      expect((await sandbox.accepted()).map(({ phone }) => phone)).toEqual(numbers.slice(0, SENT));
    } finally {
      await place.leave();
      await database.drop();
    }
  },
);
