import { maskPhone } from '../../core/phone.ts';
import { LONGEST_TEXT, textProblem } from '../../core/text.ts';
import { trimmed } from '../../core/trimmed.ts';
import { toVariable } from '../../core/variable.ts';
import { messageOf, UsageError } from '../../errors.ts';
import { createEngine, FILTERS, LONGEST_TEMPLATE, RENDER_LIMIT_MS, TAGS } from './engine.ts';
import { looseValue, type Use, usesOf } from './usage.ts';

/** A message text with places for a row's columns, in Liquid. Values are texts and go in as they are. */
export interface Template {
  /** The columns it reads (see toVariable), each once, in order of appearance. */
  variables: string[];
  /** Those that it reads at least once without a `default` and never asks about: an empty one would leave a hole in the text, and no row gets one. */
  required: string[];
  /** What it reads although none of `columns` is so called, one sentence each; a column under `default` may be absent. */
  unknown(columns: string[]): string[];
  /** What it reads under a `default` alone although none of `columns` is so called (see toVariable): every row gets the default. */
  absent(columns: string[]): string[];
  /** The row's text, or why this row cannot have one. Throws UsageError when the template itself is at fault (no row could have one). */
  write(fields: Record<string, string>): { text: string } | { problem: string };
  /** The row's text. Throws UsageError when this row cannot have one. */
  render(fields: Record<string, string>): string;
}

/** Reads a template; `what` names it in errors (`--message`). Throws UsageError with line and column where it cannot be understood. */
export function compileTemplate(text: string, what: string): Template {
  if (trimmed(text) === '') throw new UsageError(`${what} is empty: it is the text that every recipient gets`);
  if (text.length > LONGEST_TEMPLATE) {
    throw new UsageError(`${what} has ${text.length} characters; a text may have at most ${LONGEST_TEXT}, a template ${LONGEST_TEMPLATE}`);
  }
  const engine = createEngine();
  const { nodes, uses, names } = understand(text.replace(/\r\n?/g, '\n'), what, engine);
  const needed = unique(uses.filter((use) => !use.optional).map((use) => use.variable));
  const optional = new Set(uses.map((use) => use.variable).filter((variable) => !needed.includes(variable)));
  const tested = new Set(uses.filter((use) => use.tested).map((use) => use.variable));
  const required = needed.filter((variable) => !tested.has(variable));

  function write(fields: Record<string, string>): { text: string } | { problem: string } {
    const hole = required.find((variable) => Object.hasOwn(fields, variable) && trimmed(fields[variable] ?? '') === '');
    if (hole !== undefined) return { problem: `${what}: ${hole} is empty; {{ ${hole} | default: '…' }} would fill the gap` };
    const scope: Record<string, string> = Object.create(null);
    for (const name of names) {
      const variable = toVariable(name);
      if (Object.hasOwn(fields, variable)) scope[name] = fields[variable]?.replace(/\r\n?/g, '\n') ?? '';
      else if (optional.has(variable)) scope[name] = '';
    }
    try {
      const rendered = String(engine.renderSync(nodes, scope));
      const problem = textProblem(rendered);
      return problem === null ? { text: rendered } : { problem: `${what}: ${problem}` };
    } catch (error) {
      const reason = messageOf(error);
      if (reason.includes('template render limit')) throw tooSlow(what, error);
      return { problem: maskDigits(`${what}${placed(reason)}`) };
    }
  }

  function render(fields: Record<string, string>): string {
    const written = write(fields);
    if ('problem' in written) throw new UsageError(written.problem);
    return written.text;
  }

  const unknown = (columns: string[]) => unknownIn(uses, new Set(columns.map(toVariable)), what);
  const absent = (columns: string[]) => [...optional].filter((variable) => !columns.map(toVariable).includes(variable));
  return { variables: unique(uses.map((use) => use.variable)), required, unknown, absent, write, render };
}

function understand(text: string, what: string, engine: ReturnType<typeof createEngine>) {
  let loose: ReturnType<typeof looseValue>;
  try {
    const nodes = engine.parse(text);
    loose = looseValue(nodes);
    if (!loose) return { nodes, ...usesOf(nodes) };
  } catch (error) {
    const reason = messageOf(error).replace(/Maximum call stack size exceeded/, 'it is nested too deeply');
    throw new UsageError(`${what}${placed(reason)}${allowed(reason)}`, undefined, error);
  }
  throw new UsageError(
    `${what}, line ${loose[0]}, column ${loose[1]}: several values in one place; write {{ first_name }} {{ last_name }}`,
  );
}

function unknownIn(uses: Use[], columns: Set<string>, what: string): string[] {
  const missing = uses.filter((use) => use.part || !(columns.has(use.variable) || use.optional));
  const first = new Map(missing.toReversed().map((use) => [use.written, use]));
  return missing
    .filter((use) => first.get(use.written) === use)
    .map((use) => `${what}, line ${use.line}, column ${use.column}: unknown variable ${use.written}`);
}

/** Liquid's `reason, line:2, col:5` as `, line 2, column 5: reason`. */
function placed(reason: string): string {
  const [, text, line, column] = /^(.*?), line:(\d+), col:(\d+)$/.exec(reason) ?? [];
  return text === undefined ? `: ${reason}` : `, line ${line}, column ${column}: ${text}`;
}

function allowed(reason: string): string {
  if (/^tag .* not found/.test(reason)) return `; the tags are ${TAGS.join(', ')}`;
  if (reason.startsWith('undefined filter')) return `; the filters are ${FILTERS.join(', ')}`;
  return '';
}

function tooSlow(what: string, cause: unknown): UsageError {
  return new UsageError(`${what} takes longer than ${RENDER_LIMIT_MS} ms for one text: it loops too often`, undefined, cause);
}

function maskDigits(text: string): string {
  return text.replace(/\+?\d{7,}/g, maskPhone);
}

function unique(names: string[]): string[] {
  return [...new Set(names)];
}
