import { writeFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { reasonOf } from '../../errors.ts';

/** A place to write to: stdout for the result, stderr for everything else. `write` never throws and never waits. */
export interface Output {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Width of the terminal in cells, asked anew each time because it may be resized; 80 where nobody knows. */
  columns(): number;
}

/**
 * An Output on a real stream. It listens for 'error', which Node turns into a crash where nobody does: a closed pipe (EPIPE) or terminal
 * (EIO) ends the showing and not the campaign; from then on everything written is dropped. Anything else (a full disk) ends it too, and
 * `onLost` is called once with the reason, in words: somebody waits for what was written, and will not get it.
 *
 * Call it once for each of stdout and stderr, before anything is written, and write through nothing else. A pipe is written in the
 * background, so let the process end by `process.exitCode`: `process.exit()` cuts off what has not left yet.
 */
export function safeOutput(
  stream: Writable & { isTTY?: boolean; columns?: number },
  onLost: (reason: string) => void = () => undefined,
): Output {
  const isTTY = stream.isTTY === true;
  let gone = false;
  const fail = (error: NodeJS.ErrnoException) => {
    if (gone) return;
    gone = true;
    if (!readerLeft(error, isTTY)) onLost(reasonOf(error));
  };
  stream.on('error', fail);
  stream.on('close', () => {
    gone = true;
  });
  return {
    write(text) {
      if (gone || stream.writableEnded || stream.destroyed) return;
      try {
        stream.write(text);
      } catch (error) {
        fail(error as NodeJS.ErrnoException);
      }
    },
    isTTY,
    columns: () => (stream.columns !== undefined && stream.columns > 0 ? stream.columns : 80),
  };
}

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

/** Whoever read it has seen enough, or has closed the terminal. */
function readerLeft({ code }: NodeJS.ErrnoException, isTTY: boolean): boolean {
  return code === 'EPIPE' || code === 'ECONNRESET' || (code === 'EIO' && isTTY);
}
