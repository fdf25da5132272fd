import { getSystemErrorMap } from 'node:util';

/** What a process exits with. Scripts rely on these numbers. */
export const EXIT = {
  done: 0,
  bug: 1,
  usage: 2,
  someFailed: 3,
  barred: 4,
  circuitBreaker: 5,
  paused: 6,
  held: 7,
  hangup: 129,
  interrupted: 130,
  terminated: 143,
} as const;

/** A failure a person may see: one line that says what was seen and what is allowed, and a line that says what to do next. */
export class UserError extends Error {
  readonly exitCode: number;
  readonly next: string | undefined;

  constructor(message: string, { exitCode, next, cause }: { exitCode: number; next?: string; cause?: unknown }) {
    super(message, { cause });
    this.name = new.target.name;
    this.exitCode = exitCode;
    this.next = next;
  }
}

/** Wrong use, configuration or input; nothing was sent. */
export class UsageError extends UserError {
  constructor(message: string, next?: string, cause?: unknown) {
    super(message, { exitCode: EXIT.usage, ...(next === undefined ? {} : { next }), cause });
  }
}

/** The configuration cannot be used. `problems` has every one, a line each. */
export class ConfigurationError extends UsageError {
  readonly problems: string[];

  constructor(problems: string[], next?: string, cause?: unknown) {
    const list = `${problems.length} problems in the configuration:\n${problems.map((text) => `  - ${text}`).join('\n')}`;
    super(problems.length === 1 ? (problems[0] as string) : list, next, cause);
    this.problems = problems;
  }
}

/** A server, a disk or a file that wsend needs is gone or refuses. */
export class InfrastructureError extends UserError {
  constructor(message: string, next?: string, cause?: unknown) {
    super(message, { exitCode: EXIT.bug, ...(next === undefined ? {} : { next }), cause });
  }
}

/** The checkpoint cannot be reached or written, so it is not known whether the last changes are durable. */
export class CheckpointUnreachable extends InfrastructureError {}

/** The campaign database cannot be reached or written. */
export class DatabaseUnreachable extends InfrastructureError {}

/** Another run holds the campaign or the line. */
export class HeldElsewhere extends UserError {
  constructor(message: string, next?: string) {
    super(message, { exitCode: EXIT.held, ...(next === undefined ? {} : { next }) });
  }
}

/** Another run has had this run's lease meanwhile, or its checkpoint was emptied: it must send nothing more, and never takes the lease back. */
export class LeaseLost extends UserError {
  constructor(message: string) {
    super(message, { exitCode: EXIT.held });
  }
}

/** The error as a person may see it: a process that may open no more files is no bug. */
export function knownError(error: unknown): unknown {
  if (!['EMFILE', 'ENFILE'].includes((error as NodeJS.ErrnoException | null)?.code ?? '')) return error;
  return new InfrastructureError(
    'this process may not open more files',
    'Raise the limit, such as ulimit -n 1024 (LimitNOFILE= in a systemd unit), and try again.',
    error,
  );
}

/** Why a call of the system failed, in its own words without path and number (`no space left on device`); of anything else, the message. */
export function reasonOf(error: unknown): string {
  const errno = (error as NodeJS.ErrnoException | null)?.errno;
  return (typeof errno === 'number' ? getSystemErrorMap().get(errno)?.[1] : undefined) ?? messageOf(error);
}

/** The message of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s+/g, ' ').trim();
}
