import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import pg from 'pg';
import type { SqlDialect } from '../../src/adapters/sql/open/dialect.ts';
import { mysqlUrl, postgresUrl } from './env.ts';

/** An empty database of a test's own. */
export interface TestDatabase {
  /** As `DATABASE_URL`. */
  url: string;
  /** Runs statements on a connection of its own, as the operator's administrator would; returns the rows of the last. */
  query(text: string): Promise<Record<string, unknown>[]>;
  drop(): Promise<void>;
}

/** True where this kind of database can be tested here. */
export function isAvailable(dialect: SqlDialect): boolean {
  return dialect === 'sqlite' || (dialect === 'postgres' ? postgresUrl : mysqlUrl) !== undefined;
}

/** Makes an empty database with a name that no other test has; of PostgreSQL, in any encoding. */
export function freshDatabase(dialect: SqlDialect, { encoding }: { encoding?: string } = {}): Promise<TestDatabase> {
  return dialect === 'sqlite' ? freshFile() : dialect === 'mysql' ? freshMysql() : freshPostgres(encoding);
}

/** A PostgreSQL user who may use the tables that are there now and may create none: the name, `DATABASE_URL` as that user, and the end. */
export async function userWithoutCreate(database: TestDatabase): Promise<{ role: string; url: string; drop(): Promise<void> }> {
  const url = new URL(database.url);
  const role = `${url.pathname.slice(1)}_user`;
  await database.query(`create role ${role} login; revoke create on schema public from public;
    grant select, insert, update, delete on all tables in schema public to ${role}; grant usage on all sequences in schema public to ${role}`);
  url.username = role;
  return { role, url: url.href, drop: async () => void (await database.query(`drop owned by ${role}; drop role ${role}`)) };
}

function uniqueName(): string {
  return `wsend_test_${process.pid}_${randomBytes(5).toString('hex')}`;
}

async function freshFile(): Promise<TestDatabase> {
  const { DatabaseSync } = await import('@photostructure/sqlite');
  const folder = mkdtempSync(join(tmpdir(), 'wsend-test-'));
  const path = join(folder, 'wsend.db');
  return {
    url: `sqlite:${path}`,
    async query(text) {
      const file = new DatabaseSync(path, { timeout: 5_000 });
      try {
        const statements = text.split(/;\s*$/m).filter((statement) => statement.trim() !== '');
        for (const statement of statements.slice(0, -1)) file.exec(statement);
        const last = statements.at(-1) ?? 'select 1';
        if (/^\s*(select|pragma)/i.test(last)) return file.prepare(last).all() as Record<string, unknown>[];
        file.exec(last);
        return [];
      } finally {
        file.close();
      }
    },
    drop: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function freshPostgres(encoding?: string): Promise<TestDatabase> {
  const server = new URL(postgresUrl as string);
  const name = uniqueName();
  const asking = async (url: URL, text: string) => {
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      const answer: pg.QueryResult | pg.QueryResult[] = await client.query(text);
      return (Array.isArray(answer) ? answer.at(-1)?.rows : answer.rows) ?? [];
    } finally {
      await client.end();
    }
  };
  const inEncoding = encoding === undefined ? '' : ` encoding '${encoding}' lc_collate 'C' lc_ctype 'C' template template0`;
  await asking(server, `create database ${name}${inEncoding}`);
  const own = new URL(server);
  own.pathname = `/${name}`;
  return {
    url: own.href,
    query: (text) => asking(own, text),
    drop: async () => void (await asking(server, `drop database ${name} with (force)`)),
  };
}

async function freshMysql(): Promise<TestDatabase> {
  const server = new URL(mysqlUrl as string);
  const name = uniqueName();
  const asking = async (url: URL, text: string) => {
    const connection = await mysql.createConnection({ uri: url.href, multipleStatements: true, dateStrings: true });
    try {
      const [rows] = await connection.query(text);
      const last = Array.isArray(rows) && rows.some(Array.isArray) ? rows.findLast(Array.isArray) : rows;
      return (Array.isArray(last) ? last : []) as Record<string, unknown>[];
    } finally {
      await connection.end();
    }
  };
  server.pathname = '/';
  await asking(server, `create database ${name} character set utf8mb4`);
  const own = new URL(server);
  own.pathname = `/${name}`;
  return { url: own.href, query: (text) => asking(own, text), drop: async () => void (await asking(server, `drop database ${name}`)) };
}
