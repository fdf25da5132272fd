import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { InfrastructureError, reasonOf } from '../../errors.ts';
import { csvLine } from './cells.ts';
import type { Format } from './delimiter.ts';
import type { Row } from './rows.ts';

/** Where the refused rows of a file go. */
function rejectedPath(path: string): string {
  return `${path}.rejected.csv`;
}

/** The refused rows of one check, on their way into a file that appears whole or not at all. */
export interface Rejected {
  /** Never fails: what cannot be written is said by finish, when all are known. */
  add(row: Row, reason: string): Promise<void>;
  /**
   * Puts the file in its place and returns its path; null, with an older one of ours removed, when nothing was refused. Rejects with
   * InfrastructureError, which says `rows` too, when it cannot be written.
   */
  finish(rows: string): Promise<string | null>;
  /** Leaves everything as it was before. May follow finish. */
  abandon(): Promise<void>;
}

/**
 * Collects refused rows for `<file>.rejected.csv`: the columns line and reason, then the file's own, laid out as the file is (so that
 * corrected rows can be sent as they stand). Readable only by its owner.
 */
export function collectRejected(path: string, columns: string[], format: Format): Rejected {
  const target = rejectedPath(path);
  const temporary = `${target}.${randomUUID().slice(0, 8)}.tmp`;
  const again = isOurs(columns);
  let file: FileHandle | undefined;
  let waiting = '';
  let failure: unknown;

  const line = (cells: string[]) => csvLine(cells, format.delimiter);
  const own = (cells: string[]) => (again ? cells.slice(OURS.length) : cells);

  async function flush(): Promise<void> {
    file ??= await open(temporary, 'wx', 0o600);
    await file.writeFile(waiting);
    waiting = '';
  }

  return {
    async add(row, reason) {
      if (failure !== undefined) return;
      if (!file && waiting === '') waiting = `${format.mark ? '\uFEFF' : ''}${line([...OURS, ...own(columns)])}`;
      waiting += line([String(row.line), reason, ...own(row.cells)]);
      if (waiting.length <= 64 * 1024) return;
      await flush().catch((error) => {
        failure = error;
      });
    },
    async finish(rows) {
      try {
        if (failure !== undefined) throw failure;
        if (!file && waiting === '') {
          await removeStale(target);
          return null;
        }
        await flush();
        await file?.close();
        await rename(temporary, target);
        return target;
      } catch (error) {
        throw new InfrastructureError(
          `cannot write the refused rows to ${target}: ${reasonOf(error)}${rows}`,
          'Nothing was sent. Copy the list to a folder with room that you may write to.',
          error,
        );
      }
    },
    async abandon() {
      await file?.close().catch(() => {});
      if (file) await rm(temporary, { force: true }).catch(() => {});
    },
  };
}

const OURS = ['line', 'reason'];

/** True when these are the columns of a rejected file: somebody corrected one and checks it again. */
function isOurs(columns: string[]): boolean {
  return OURS.every((name, position) => columns[position] === name);
}

/** Removes the file of an earlier check, but nothing that only happens to have its name. Another check may do the same at once. */
async function removeStale(target: string): Promise<void> {
  const file = await open(target, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return;
  const start = Buffer.alloc(32);
  try {
    await file.read(start, 0, start.length, 0);
  } finally {
    await file.close();
  }
  if (/^\uFEFF?line[,;\t]reason[,;\t]/.test(start.toString('utf8'))) await rm(target, { force: true });
}
