import { accessSync, constants, realpathSync, writeFileSync } from 'node:fs';
import { Writable } from 'node:stream';

/**
 * An open file as a stream that writes everything or fails. Node's own stream for a stdout that is a file writes once and drops what did not
 * fit: of a disk that is full in the middle of the result it says nothing.
 */
export function wholeFile(fd: number): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      try {
        writeFileSync(fd, chunk);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
}

/**
 * Has writes to a terminal wait in the background. Node lets them block, and one that takes no output (Ctrl-S, ssh that hangs) would stop
 * everything. libuv has opened the terminal again for itself, so the shell notices nothing; where that was not allowed (the terminal of another
 * user, after `su`) it stays as it is, and may block.
 */
export function neverBlock(terminal: Writable): void {
  const { fd, _handle: handle } = terminal as { fd?: number; _handle?: { setBlocking?(on: boolean): void } };
  try {
    accessSync(realpathSync(`/dev/fd/${fd}`), constants.W_OK);
    handle?.setBlocking?.(false);
  } catch {
    // Not allowed.
  }
}
