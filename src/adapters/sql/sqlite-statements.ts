import type { SqliteDatabase } from 'kysely';
import type Libsql from 'libsql';

type File = InstanceType<typeof Libsql>;

/**
 * The file as Kysely uses it, made safe. A libsql statement that meets another process's lock is left half done, and from then on every
 * write on that connection reports success without being committed. Its `exec` does not have that fault, so locks are waited for there
 * alone: every transaction begins as `begin immediate` (which also spares it the deadlock of a reader that turns writer), and a write
 * outside of one gets its own. Whole numbers are bound as integers and booleans as 0 and 1: libsql binds a number as a float, and a
 * boolean ends the process.
 */
export function safeStatements(file: File): SqliteDatabase {
  return {
    close: () => void file.close(),
    prepare(sql) {
      if (sql === 'begin') return command(() => file.exec('begin immediate'));
      if (sql === 'commit') return command(() => file.exec(sql));
      // SQLite rolls back by itself when the disk is full; a second time fails, and would hide why.
      if (sql === 'rollback') return command(() => file.inTransaction && file.exec(sql));
      const statement = file.prepare(sql);
      const locked = <T>(work: () => T): T => (file.inTransaction || READS.test(sql) ? work() : inOwnTransaction(file, work));
      return {
        reader: statement.reader,
        all: (parameters) => locked(() => statement.all(parameters.map(bindable))),
        run: (parameters) => locked(() => statement.run(parameters.map(bindable))),
        iterate: (parameters) => statement.iterate(parameters.map(bindable)),
      };
    },
  };
}

/** Statements that never wait for a write lock. */
const READS = /^\s*(select|pragma|explain|values)\b/i;

function inOwnTransaction<T>(file: File, work: () => T): T {
  file.exec('begin immediate');
  try {
    const result = work();
    file.exec('commit');
    return result;
  } catch (error) {
    if (file.inTransaction) file.exec('rollback');
    throw error;
  }
}

function command(work: () => unknown): ReturnType<SqliteDatabase['prepare']> {
  const run = () => {
    work();
    return { changes: 0, lastInsertRowid: 0 };
  };
  return { reader: false, run, all: () => [], iterate: () => [].values() };
}

function bindable(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 1n : 0n;
  return Number.isSafeInteger(value) ? BigInt(value as number) : value;
}
