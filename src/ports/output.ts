import type { Milliseconds } from '../core/units.ts';
import { SECOND } from '../core/units.ts';

/** A place to write to: stdout for the result, stderr for everything else. `write` never throws and never waits. */
export interface Output {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Width of the terminal in cells, asked again each time because it may be resized; 80 where it is unknown. */
  columns(): number;
  /** False while something that was written has not left: its reader does not take it now, or not as fast. */
  idle(): boolean;
  /**
   * Resolves once everything written has left (true) or is lost (false). With a patience it is given up for lost when nothing of it was taken for
   * so long; then only the end of the process frees what holds it.
   */
  settled(patience?: Milliseconds): Promise<boolean>;
}

/** How long a program whose work is done waits for a reader that takes nothing. */
export const PATIENCE: Milliseconds = 30 * SECOND;
