/** Every option of the command line: under the name by which a command reads it, as it is typed, with its value in angle brackets. */
export const OPTIONS = named({
  json: '--json',
  quiet: '--quiet',
  color: '--no-color',
  envFile: '--env-file <path>',
  debug: '--debug',
  delay: '--delay <seconds>',
  batchSize: '--batch-size <n>',
  batchPause: '--batch-pause <seconds>',
  concurrency: '--concurrency <n>',
  limit: '--limit <n>',
  dryRun: '--dry-run',
  yes: '--yes',
  sandbox: '--sandbox',
  fault: '--fault <name=value>',
  campaign: '--campaign <id>',
  csv: '--csv <file>',
  count: '--count <n>',
  all: '--all',
  message: '--message <text|@file>',
  message2: '--message-2 <text|@file>',
  name: '--name <name>',
  country: '--country <code>',
  phoneColumn: '--phone-column <name>',
  skipInvalid: '--skip-invalid',
  skipRecent: '--skip-recent',
  again: '--again',
  assume: '--assume <sent|absent>',
  rate: '--rate <n>',
  sql: '--sql',
  port: '--port <n>',
  host: '--host <address>',
  poll: '--poll',
  file: '--file <path>',
  webhook: '--webhook <url>',
});

export type OptionName = keyof typeof OPTIONS;

/** Options that may be given several times: a command reads all values. */
export const REPEATABLE = ['fault'] as const satisfies OptionName[];

type Value<Name extends OptionName> = Name extends (typeof REPEATABLE)[number]
  ? string[]
  : (typeof OPTIONS)[Name] extends `${string}>`
    ? string
    : boolean;

/** All options as a command may read them: what was typed, or nothing. */
export type Options = { [Name in OptionName]?: Value<Name> };

/** The options that a command has. */
export type Had<Name extends OptionName> = { [Each in Name]: Value<Each> | undefined };

/** Hands a command what it reads. One that reads an option (or an operand) that it does not have does not compile. */
export function reads<Read>(had: { [Name in keyof Read]-?: Read[Name] | undefined }): Read {
  return had as Read;
}

type Kebab<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? `${First extends Uppercase<First> ? '-' : ''}${Lowercase<First>}${Kebab<Rest>}`
  : '';

/** Has each option typed by the name under which commander hands it over: `batchSize` is `--batch-size`. */
function named<const All extends { [Name in keyof All & string]: `--${Kebab<Name>}` | `--no-${Name}` | `--${Kebab<Name>} <${string}>` }>(
  all: All,
): All {
  return all;
}
