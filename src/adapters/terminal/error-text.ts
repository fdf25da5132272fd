import { EXIT, messageOf, UserError } from '../../errors.ts';
import { makePaint } from './paint.ts';
import { oneLine, redact } from './terminal-text.ts';

/**
 * A fatal error for a person: `wsend: …` and the next step below it. A message of several lines (all problems at once) keeps them,
 * indented. The stack is shown for a bug, or with `debug`. Ends with a line end.
 */
export function errorText(error: unknown, { color, debug = false }: { color: boolean; debug?: boolean }): string {
  const paint = makePaint(color);
  const [first = '', ...others] = linesOf(error);
  const known = error instanceof UserError;
  const next = nextOf(error);
  return [
    `${paint.bad('wsend:')} ${known ? '' : 'unexpected: '}${first}`,
    ...others.map((line) => `  ${line}`),
    ...(next === undefined ? [] : [`  ${paint.strong('next:')} ${next}`]),
    ...(known && !debug ? [] : stackOf(error).map((line) => paint.dim(line))),
    '',
  ].join('\n');
}

/** The same for scripts, as one object for one line on stderr; `code` is the exit code. */
export function errorJson(error: unknown): { type: 'error'; code: number; message: string; next?: string } {
  const next = nextOf(error);
  const code = error instanceof UserError ? error.exitCode : EXIT.bug;
  return { type: 'error', code, message: linesOf(error).join('\n'), ...(next === undefined ? {} : { next }) };
}

function linesOf(error: unknown): string[] {
  const text = error instanceof Error ? error.message || error.name : String(error);
  const lines = text.split(/\r?\n/).map((line) => redact(oneLine(line)));
  return lines.filter((line) => line !== '');
}

function nextOf(error: unknown): string | undefined {
  return error instanceof UserError && error.next !== undefined ? redact(oneLine(error.next)) : undefined;
}

/** Where it was thrown, and the causes below it. */
function stackOf(error: unknown): string[] {
  const lines: string[] = [];
  for (let at: unknown = error, depth = 0; at !== undefined && at !== null && depth < 5; depth += 1) {
    if (depth > 0) lines.push(`  caused by: ${redact(oneLine(messageOf(at)))}`);
    if (!(at instanceof Error)) break;
    const frames = (at.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
    lines.push(...frames.map((line) => `    ${redact(oneLine(line))}`));
    at = at.cause;
  }
  return lines;
}
