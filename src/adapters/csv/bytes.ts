import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { InfrastructureError, messageOf, UsageError } from '../../errors.ts';

/** What to do about a file without people. */
export const WANTED = 'It needs a header line with a phone column, and then a line for each person.';

/** How much is read at once. */
const PIECE = 256 * 1024;

/**
 * The file, piece by piece; each piece is the reader's own. Throws UsageError when there is no such file, it is empty, a directory or a
 * pipe (a file is read twice), or may not be read; InfrastructureError when the disk fails halfway.
 */
export async function* readBytes(path: string): AsyncGenerator<Buffer> {
  const file = await openRegular(path);
  try {
    for (let empty = true; ; empty = false) {
      const piece = Buffer.allocUnsafe(PIECE);
      const { bytesRead } = await file.read(piece, 0, PIECE).catch((error) => {
        throw new InfrastructureError(`reading ${path} failed: ${messageOf(error)}`, undefined, error);
      });
      if (bytesRead === 0 && empty) throw new UsageError(`${path} is empty`, WANTED);
      if (bytesRead === 0) return;
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function openRegular(path: string): Promise<FileHandle> {
  let file: FileHandle | undefined;
  try {
    // Not blocking: opening a pipe without a writer would wait for ever.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const about = await file.stat();
    if (about.isFile()) return file;
    throw new UsageError(
      about.isDirectory() ? `${path} is a directory, not a CSV file` : `${path} is not a file: save the list to a file first`,
    );
  } catch (error) {
    await file?.close();
    if (error instanceof UsageError) throw error;
    throw new UsageError(`cannot read ${path}: ${whyNot(error)}`, undefined, error);
  }
}

function whyNot(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EISDIR') return 'it is a directory';
  return messageOf(error);
}
