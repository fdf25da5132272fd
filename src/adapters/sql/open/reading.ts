import { type Kysely, sql } from 'kysely';
import { type Column, columnsByTable } from '../tables/inspect.ts';
import type { Schema } from '../tables/table-types.ts';
import { withDatabaseErrors } from './database-errors.ts';
import type { SqlDialect } from './dialect.ts';
import type { Database } from './sql-database.ts';

/** A database at one moment, for those who only read it. */
export interface Reading {
  /** Its one connection. */
  db: Kysely<Schema>;
  dialect: SqlDialect;
  name: string;
  /** What is there, by table and column. */
  tables: Map<string, Map<string, Column>>;
}

/**
 * Runs `work` on the database as it is at this moment, in a transaction that the database itself lets write nothing (on SQLite, one that asks
 * for no right to write). Rejects with DatabaseUnreachable when the database does not answer.
 */
export function reading<T>({ db, dialect, name }: Database, work: (reading: Reading) => Promise<T>): Promise<T> {
  return withDatabaseErrors({ name }, () =>
    db.connection().execute(async (connection) => {
      await BEGIN[dialect].execute(connection);
      try {
        return await work({ db: connection, dialect, name, tables: await columnsByTable(connection, dialect) });
      } finally {
        await sql`rollback`.execute(connection).catch(() => {});
      }
    }),
  );
}

const BEGIN = {
  sqlite: sql`begin deferred`,
  postgres: sql`begin isolation level repeatable read read only`,
  mysql: sql`start transaction with consistent snapshot, read only`,
};
