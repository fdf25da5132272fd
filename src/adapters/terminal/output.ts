import type { Writable } from 'node:stream';

/** A place to write to: stdout for the result, stderr for everything else. `write` never throws and never waits. */
export interface Output {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Width of the terminal in cells, asked anew each time because it may be resized; 80 where nobody knows. */
  columns(): number;
}

/**
 * An Output on a real stream. It listens for 'error', which Node turns into a crash where nobody does: a closed pipe (EPIPE) or terminal
 * (EIO) ends the showing and not the campaign; from then on everything written is dropped.
 *
 * Call it once for each of stdout and stderr, before anything is written, and write through nothing else. A pipe is written in the
 * background, so let the process end by `process.exitCode`: `process.exit()` cuts off what has not left yet.
 */
export function safeOutput(stream: Writable & { isTTY?: boolean; columns?: number }): Output {
  let gone = false;
  const end = () => {
    gone = true;
  };
  stream.on('error', end);
  stream.on('close', end);
  return {
    write(text) {
      if (gone || stream.writableEnded || stream.destroyed) return;
      try {
        stream.write(text);
      } catch {
        gone = true;
      }
    },
    isTTY: stream.isTTY === true,
    columns: () => (stream.columns !== undefined && stream.columns > 0 ? stream.columns : 80),
  };
}
