import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';
import type { SqliteDatabase } from 'kysely';

/**
 * The file as Kysely uses it. Every transaction begins as `begin immediate`: it waits for its lock there alone, and is spared the deadlock of a
 * reader that turns writer. What goes in and comes out is as with the servers: see `bindable` and `asServersDo`.
 */
export function statementsOf(file: DatabaseSyncInstance): SqliteDatabase {
  return {
    close: () => file.close(),
    prepare(sql) {
      if (sql === 'begin') return command(() => file.exec('begin immediate'));
      // SQLite rolls back by itself when the disk is full; a second time fails, and would hide why.
      if (sql === 'rollback') return command(() => file.isTransaction && file.exec(sql));
      const statement = file.prepare(sql);
      const reader = statement.columns().length > 0;
      if (reader) statement.setReadBigInts(true);
      return {
        reader,
        all: (parameters) => statement.all(...parameters.map(bindable)).map(asServersDo),
        run: (parameters) => statement.run(...parameters.map(bindable)),
        iterate: (parameters) => rows(statement, parameters),
      };
    },
  };
}

function command(work: () => unknown): ReturnType<SqliteDatabase['prepare']> {
  const run = () => {
    work();
    return { changes: 0, lastInsertRowid: 0 };
  };
  return { reader: false, run, all: () => [], iterate: () => [].values() };
}

function* rows(statement: StatementSyncInstance, parameters: readonly unknown[]): IterableIterator<unknown> {
  for (const row of statement.iterate(...parameters.map(bindable))) yield asServersDo(row);
}

/** Booleans, which SQLite does not have, as 0 and 1. Unless a number is marked as whole, the binding takes one beyond 32 bits for a real. */
function bindable(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return Number.isSafeInteger(value) ? BigInt(value as number) : value;
}

/** A row as the servers give theirs: whole numbers that are no exact number here as text, bytes as a Buffer. */
function asServersDo(row: Record<string, unknown>): Record<string, unknown> {
  for (const name in row) {
    const value = row[name];
    if (typeof value === 'bigint') row[name] = Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    else if (value instanceof Uint8Array) row[name] = Buffer.from(value);
  }
  return row;
}
