import type { Output } from './ports/output.ts';

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** The process, as the rest of the program may use it; main.ts hands in the real one, tests another. */
export interface Outside {
  /** The result. */
  stdout: Output;
  /** Everything else. */
  stderr: Output;
  env: Record<string, string | undefined>;
  /** True when a person sits at a terminal and can be asked. */
  interactive: boolean;
  /** Calls `handler` on every signal that asks the process to stop, until the returned function is called. */
  onSignal(handler: (signal: StopSignal) => void): () => void;
  /** Calls `handler` with errors that were not caught. */
  onBug(handler: (error: unknown) => void): void;
  /** The line that a person types in answer; empty when they close the input. */
  ask(question: string): Promise<string>;
  /** Ends the process at once. */
  leave(exitCode: number): void;
}
