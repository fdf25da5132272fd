/** What the SQLite binding throws: `errcode` is the extended result code, `sqliteCodeName` the name of the primary one. */
interface SqliteError extends Error {
  errcode: number;
  sqliteCodeName: string;
}

/** The extended result codes that matter beyond their primary one (https://www.sqlite.org/rescode.html). */
const EXTENDED: Record<number, string> = {
  275: 'SQLITE_CONSTRAINT_CHECK',
  1555: 'SQLITE_CONSTRAINT_PRIMARYKEY',
  2067: 'SQLITE_CONSTRAINT_UNIQUE',
};

/** SQLite's name for what went wrong, such as SQLITE_BUSY; undefined for an error that is not SQLite's. */
export function sqliteCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || (error as { code?: unknown }).code !== 'ERR_SQLITE_ERROR') return undefined;
  const { errcode, sqliteCodeName } = error as SqliteError;
  return EXTENDED[errcode] ?? sqliteCodeName;
}
