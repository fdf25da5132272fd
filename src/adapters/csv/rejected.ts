import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { constants, copyFile, type FileHandle, link, open, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { InfrastructureError, reasonOf } from '../../errors.ts';
import { csvLine } from './cells.ts';
import type { Format } from './delimiter.ts';
import type { Row } from './rows.ts';

/** Where the refused rows of a file go: the first of these names that is free. */
function rejectedPath(path: string, n: number): string {
  return n === 1 ? `${path}.rejected.csv` : `${path}.rejected-${n}.csv`;
}

/** The refused rows of one check, on their way into a file that appears whole or not at all. */
export interface Rejected {
  /** Never fails: what cannot be written is said by finish, when all are known. */
  add(row: Row, reason: string): Promise<void>;
  /**
   * Puts the file in its place and returns its path; null when nothing was refused. Rejects with InfrastructureError, which says `rows` too,
   * when it cannot be written.
   */
  finish(rows: string): Promise<string | null>;
  /** Leaves everything as it was before. May follow finish. */
  abandon(): Promise<void>;
}

/**
 * Collects refused rows for `<file>.rejected.csv`: the columns line and reason, then the file's own, laid out as the file is (so that
 * corrected rows can be sent as they stand). Readable only by its owner.
 *
 * A file that is there already is never touched: it may have been corrected by hand, or belong to an earlier list of that name, to
 * `optout import`, or to a run that continues at this moment and has told its operator where to look. The same rows are not written twice.
 */
export function collectRejected(path: string, columns: string[], format: Format): Rejected {
  const temporary = `${rejectedPath(path, 1)}.${randomUUID().slice(0, 8)}.tmp`;
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
        if (!file && waiting === '') return null;
        await flush();
        await file?.close();
        const target = await putInPlace(temporary, path);
        await rm(temporary, { force: true });
        return target;
      } catch (error) {
        throw new InfrastructureError(
          `cannot write the refused rows to ${rejectedPath(path, 1)}: ${reasonOf(error)}${rows}`,
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

/** True when these are the columns of a rejected file: a person corrected one and checks it again. */
function isOurs(columns: string[]): boolean {
  return OURS.every((name, position) => columns[position] === name);
}

/** Gives a finished file the first free name, or that of the same rows where they were written before; resolves to it. */
async function putInPlace(temporary: string, path: string): Promise<string> {
  for (let n = 1; ; n++) {
    const target = rejectedPath(path, n);
    if ((await moveTo(temporary, target)) || (await isSame(temporary, target))) return target;
  }
}

/** False where something has the name: both ways make a file or fail, and replace none. */
async function moveTo(temporary: string, target: string): Promise<boolean> {
  try {
    // Not every file system has links.
    await link(temporary, target).catch((error) => {
      if (isTaken(error)) throw error;
      return copyFile(temporary, target, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    throw error;
  }
}

function isTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EEXIST';
}

/** Whatever cannot be read is another. */
async function isSame(a: string, b: string): Promise<boolean> {
  try {
    const [one, other] = await Promise.all([stat(a), stat(b)]);
    if (!other.isFile() || one.size !== other.size) return false;
    const [hash, otherHash] = await Promise.all([hashOf(a), hashOf(b)]);
    return hash === otherHash;
  } catch {
    return false;
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
