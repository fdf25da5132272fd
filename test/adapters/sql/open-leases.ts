import { leases } from '../../../src/adapters/sql/leases/sql-leases.ts';
import type { SqlDialect } from '../../../src/adapters/sql/open/dialect.ts';
import { type Database, openDatabase } from '../../../src/adapters/sql/open/sql-database.ts';
import { migrateOwnTables } from '../../../src/adapters/sql/tables/own-tables.ts';
import type { LeasesUnderTest } from '../../contract/leases.ts';
import { freshDatabase } from '../../support/databases.ts';

const NOW: Record<SqlDialect, string> = {
  sqlite: `select cast((julianday('now') - 2440587.5) * 86400000 as integer) as n`,
  postgres: 'select (extract(epoch from clock_timestamp()) * 1000)::bigint as n',
  mysql: 'select cast(unix_timestamp(sysdate(3)) * 1000 as signed) as n',
};

/** The leases of a database of its own, as several connections see them; of a file, a process has but one. */
export async function openLeases(dialect: SqlDialect): Promise<LeasesUnderTest> {
  const beside = await freshDatabase(dialect);
  const databases: Database[] = [];
  for (let i = 0; i < (dialect === 'sqlite' ? 1 : 4); i += 1) databases.push(await openDatabase(beside.url));
  const [one, two = one] = databases as [Database, Database?];
  await migrateOwnTables(one);
  const number = async (text: string) => Number((await beside.query(text))[0]?.n);
  return {
    clients: [leases(one), leases(two), ...databases.slice(2).map(leases)],
    now: () => number(NOW[dialect]),
    expiresAt: (name) => number(`select expires_at as n from wsend_leases where name = '${name}'`),
    async change(name, to) {
      const columns = {
        ...(to?.expiresAt !== undefined && { expires_at: to.expiresAt }),
        ...(to?.epoch !== undefined && { epoch: to.epoch }),
      };
      const set = Object.entries(columns).map(([column, value]) => `${column} = ${value}`);
      await beside.query(
        `${to === null ? 'delete from wsend_leases' : `update wsend_leases set ${set.join(', ')}`} where name = '${name}'`,
      );
    },
    async close() {
      for (const database of databases) await database.close();
      await beside.drop();
    },
  };
}
