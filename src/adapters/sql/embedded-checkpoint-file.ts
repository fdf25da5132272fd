import { type Kysely, sql, type Transaction } from 'kysely';
import { CheckpointUnreachable, messageOf, UserError } from '../../errors.ts';
import { sqliteCode } from './sqlite-code.ts';

/** The file as these statements use it: they name no table type, because the file is shared with the campaign store. */
// biome-ignore lint/suspicious/noExplicitAny: the tables are made and used by plain SQL in this folder only.
export type File = Kysely<any>;

/** The same inside a transaction. */
// biome-ignore lint/suspicious/noExplicitAny: as above.
export type Work = Transaction<any>;

/** Access to the checkpoint tables of one SQLite file. Every error of the file comes out as CheckpointUnreachable. */
export interface CheckpointFile {
  /** Where it is. */
  path(): Promise<string>;
  /** All or nothing. The first statement of `work` must be a write, so that SQLite takes the write lock before anything is read. */
  write<T>(work: (transaction: Work) => Promise<T>): Promise<T>;
  /** One statement that only reads; `none` where there are no tables yet. Makes nothing. */
  read<T>(work: (file: File) => Promise<T>, none: T): Promise<T>;
}

/** Makes the tables where they are missing, with the first write. */
export function checkpointFile(file: File): CheckpointFile {
  let ready = false;

  async function path(): Promise<string> {
    const { rows } = await sql<{ file: string }>`pragma database_list`.execute(file);
    return rows[0]?.file || 'memory';
  }

  async function hasTables(): Promise<boolean> {
    if (ready) return true;
    const names = Object.keys(TABLES);
    const { rows } = await sql<{ n: number }>`select count(*) as n from sqlite_master where name in (${sql.join(names)})`.execute(file);
    ready = rows[0]?.n === names.length;
    return ready;
  }

  async function makeTables(): Promise<void> {
    if (await hasTables()) return;
    for (const [name, columns] of Object.entries(TABLES)) await sql.raw(`create table if not exists ${name} (${columns})`).execute(file);
    ready = true;
  }

  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof UserError ? error : unreachable(error, await path());
    }
  }

  return {
    path: () => guarded(path),
    read: (work, none) => guarded(async () => ((await hasTables()) ? work(file) : none)),
    write: (work) =>
      guarded(async () => {
        await makeTables();
        return file.transaction().execute(work);
      }),
  };
}

const TABLES: Record<string, string> = {
  wsend_checkpoint: `campaign integer primary key, version integer not null, header text, sent integer not null,
    failed integer not null, last_message integer, released text, expires_at integer`,
  wsend_checkpoint_lock: `name text primary key, campaign integer not null, token text not null, owner text not null,
    expires_at integer not null, pause_requested integer not null default 0, applied text`,
  wsend_checkpoint_recipient: `campaign integer not null, message integer not null, place text not null, kept text not null,
    primary key (campaign, message)`,
  wsend_checkpoint_owner: 'campaign integer not null, token text not null, owner text not null, primary key (campaign, token)',
  wsend_checkpoint_line: 'line text primary key, pacing text not null',
};

function unreachable(error: unknown, path: string): CheckpointUnreachable {
  const known = REASONS[sqliteCode(error) ?? ''];
  if (known !== undefined) return new CheckpointUnreachable(known.says(path), known.next, error);
  return new CheckpointUnreachable(`the checkpoint in ${path} cannot be used: ${messageOf(error)}`, undefined, error);
}

const REASONS: Record<string, { says: (path: string) => string; next: string }> = {
  SQLITE_BUSY: {
    says: (path) => `the checkpoint in ${path} is locked by another program`,
    next: 'Close what has the file open (a database browser, a backup), then resume.',
  },
  SQLITE_FULL: { says: (path) => `no space left for the checkpoint in ${path}`, next: 'Free some space, then resume.' },
  SQLITE_READONLY: {
    says: (path) => `the checkpoint in ${path} cannot be written`,
    next: 'Check the rights of the file and of its folder.',
  },
  SQLITE_CANTOPEN: {
    says: (path) => `the checkpoint in ${path} cannot be opened`,
    next: 'Check the rights of the file and of its folder.',
  },
  SQLITE_IOERR: { says: (path) => `the disk refuses the checkpoint in ${path}`, next: 'Check the disk, then resume.' },
  SQLITE_CORRUPT: { says: (path) => `the checkpoint in ${path} is damaged`, next: 'Restore the file from a backup.' },
  SQLITE_NOTADB: { says: (path) => `${path} is not a SQLite file`, next: 'Give another file.' },
};
