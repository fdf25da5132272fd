import type { Writable } from 'node:stream';
import { reasonOf } from '../../errors.ts';
import type { Output } from '../../ports/output.ts';
import { neverBlock } from './streams.ts';

/** How an Output keeps text that no reader takes now. */
export interface Keeping {
  /** Characters that may wait. */
  most: number;
  /**
   * Given where a reader needs all of it, and called once with the reason, in words, when they will not get it. What they do get has no gap: once
   * something finds no room, nothing more is written. Without it, what finds no room is left out, and a line says how much as soon as there is.
   */
  onLost?: (reason: string) => void;
}

/** Waiting text is handed over in blocks of this size: one that leaves shows that a reader is still there. */
const BLOCK = 16_384;

/**
 * An Output on a real stream. It listens for 'error', which Node turns into a crash where nobody does: a closed pipe (EPIPE) or terminal
 * (EIO) ends the showing and not the campaign; from then on everything written is dropped. So it is after anything else (a full disk), of
 * which `onLost` is told.
 *
 * Call it once for each of stdout and stderr, before anything is written, and write through nothing else. `process.exit()` cuts off what has
 * not left yet: wait for `settled` before.
 */
export function safeOutput(stream: Writable & { isTTY?: boolean; columns?: number }, { most, onLost }: Keeping): Output {
  const isTTY = stream.isTTY === true;
  if (isTTY) neverBlock(stream);
  /** What the stream's own buffer had no room for. */
  const blocks: string[] = [];
  let waiting = 0;
  let leftOut = 0;
  let lost = false;
  /** Nothing leaves any more. */
  let gone = false;
  const watching = new Set<() => void>();

  const lose = (reason: string | null) => {
    if (!lost && reason !== null) onLost?.(reason);
    lost = true;
  };
  const end = (reason: string | null) => {
    if (gone) return;
    gone = true;
    blocks.length = 0;
    lose(reason);
    for (const look of watching) look();
  };
  const fail = (error: NodeJS.ErrnoException) => end(readerLeft(error, isTTY) ? null : reasonOf(error));
  stream.on('error', fail);
  stream.on('close', () => end(null));

  const hand = (text: string) => {
    try {
      stream.write(text, taken);
    } catch (error) {
      fail(error as NodeJS.ErrnoException);
    }
  };
  const taken = () => {
    while (blocks.length > 0 && !stream.writableNeedDrain) {
      const block = blocks.shift() as string;
      waiting -= block.length;
      hand(block);
    }
    if (leftOut > 0 && blocks.length === 0 && !gone) {
      hand(`… ${leftOut} lines are left out here: nobody took them\n`);
      leftOut = 0;
    }
    for (const look of watching) look();
  };
  const keep = (text: string) => {
    if (waiting + text.length > most) {
      if (onLost === undefined) leftOut += 1;
      else lose(`nobody takes it, and ${Math.round(most / 1e6)} MB of it wait`);
      return;
    }
    waiting += text.length;
    const last = blocks.at(-1);
    if (last !== undefined && last.length + text.length <= BLOCK) blocks[blocks.length - 1] = last + text;
    else blocks.push(text);
  };

  const idle = () => gone || (blocks.length === 0 && stream.writableLength === 0);
  return {
    write(text) {
      if (gone || lost || text === '' || stream.writableEnded || stream.destroyed) return;
      if (blocks.length > 0 || stream.writableNeedDrain) keep(text);
      else hand(text);
    },
    isTTY,
    columns: () => (stream.columns !== undefined && stream.columns > 0 ? stream.columns : 80),
    idle,
    settled: (patience) =>
      new Promise((resolve) => {
        let timer: NodeJS.Timeout | undefined;
        const look = () => {
          clearTimeout(timer);
          if (idle()) {
            watching.delete(look);
            resolve(!lost);
          } else if (patience !== undefined) timer = setTimeout(() => end(isTTY ? null : 'nobody takes it'), patience);
        };
        watching.add(look);
        look();
      }),
  };
}

/** Its reader has seen enough, or has closed the terminal. */
function readerLeft({ code }: NodeJS.ErrnoException, isTTY: boolean): boolean {
  return code === 'EPIPE' || code === 'ECONNRESET' || (code === 'EIO' && isTTY);
}
