import { randomBytes } from 'node:crypto';
import type { SqlDialect } from '../../src/adapters/sql/open/dialect.ts';
import type { TestDatabase } from './databases.ts';

/** A user of a server who may do little. */
export interface LimitedUser {
  /** The same database as this user, as `DATABASE_URL`. */
  url: string;
  /** `update` on `messages`, say. */
  grant(right: string, table: string): Promise<void>;
  drop(): Promise<void>;
}

/** A user who may only read what is in the database now, until more is granted. */
export async function limitedUser(dialect: Exclude<SqlDialect, 'sqlite'>, { url, query }: TestDatabase): Promise<LimitedUser> {
  const name = `wsend_test_${randomBytes(5).toString('hex')}`;
  const password = randomBytes(8).toString('hex');
  const own = new URL(url);
  const database = own.pathname.slice(1);
  own.username = name;
  own.password = password;
  if (dialect === 'postgres') {
    await query(`create role ${name} login password '${password}'; grant select on all tables in schema public to ${name}`);
    await query(`grant usage on schema public to ${name}`);
    return {
      url: own.href,
      grant: async (right, table) => void (await query(`grant ${right} on ${table} to ${name}`)),
      drop: async () => void (await query(`drop owned by ${name}; drop role ${name}`)),
    };
  }
  await query(`create user '${name}'@'%' identified by '${password}'; grant select on \`${database}\`.* to '${name}'@'%'`);
  return {
    url: own.href,
    grant: async (right, table) => void (await query(`grant ${right} on \`${database}\`.${table} to '${name}'@'%'`)),
    drop: async () => void (await query(`drop user '${name}'@'%'`)),
  };
}
