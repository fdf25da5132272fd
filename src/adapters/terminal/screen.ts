import type { Output } from '../../ports/output.ts';

/**
 * The terminal as cli-progress drives it, with two differences: what belongs to one frame leaves in one write, so that no half of it is
 * ever seen; and the cursor rests at the start of the line, so that after a resize everything a terminal made of the old line lies
 * below it and is wiped by the next frame. (cli-progress' own saves an absolute position, which is wrong once lines were printed above.)
 */
export interface Screen {
  cursorSave(): void;
  cursorRestore(): void;
  cursor(shown: boolean): void;
  cursorTo(): void;
  write(text: string): void;
  clearRight(): void;
  clearLine(): void;
  newline(): void;
  lineWrapping(): void;
  isTTY(): boolean;
  getWidth(): number;
  /** Puts finished lines above the bar, with the next frame. */
  above(lines: string[]): void;
  /** Lets the frame out, and the lines above it. A terminal that takes nothing now gets the lines later and this frame never, unless it is the last. */
  flush(last?: 'last'): void;
}

export function makeScreen(out: Output): Screen {
  let lines = '';
  let frame = '';
  const add = (text: string) => {
    frame += text;
  };
  return {
    cursorSave: () => {},
    cursorRestore: () => {},
    lineWrapping: () => {},
    cursor: (shown) => add(shown ? '\x1b[?25h' : '\x1b[?25l'),
    cursorTo: () => add('\r'),
    write: (text) => add(`${NO_WRAP}${text}`),
    clearRight: () => add(`${CLEAR_BELOW}${WRAP}\r`),
    clearLine: () => add(`\r${CLEAR_BELOW}`),
    newline: () => add('\n'),
    isTTY: () => true,
    getWidth: () => out.columns(),
    above: (finished) => {
      lines += finished.map((line) => `\r${CLEAR_BELOW}${line}\n`).join('');
    },
    flush(last) {
      const whole = out.idle() || last !== undefined ? lines + frame : lines;
      lines = '';
      frame = '';
      if (whole !== '') out.write(whole);
    },
  };
}

const CLEAR_BELOW = '\x1b[J';
const NO_WRAP = '\x1b[?7l';
const WRAP = '\x1b[?7h';
