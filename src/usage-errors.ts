import type { Command, CommanderError } from 'commander';
import { UsageError } from './errors.ts';
import { nearest } from './misspelt.ts';

/** The error of commander as a person sees it: what was typed, and the nearest that there is. */
export function usageErrorOf({ message }: CommanderError, argv: string[], program: Command): UsageError {
  const noCommand = message === '(outputHelp)';
  const words = argv.filter((word) => !word.startsWith('-'));
  const unknown = noCommand ? afterHelp(words) : /unknown command '(.*?)'/.exec(message)?.[1];
  const command = innermost(program, words);
  const help = `${pathOf(command)} --help`;
  if (unknown !== undefined)
    return new UsageError(`unknown command '${unknown}'`, `${didYouMean(command, unknown)}${help} lists the commands.`);
  if (noCommand) return new UsageError('a command is missing', `${help} lists the commands.`);
  const [, text = message, near] = /^error: ([\s\S]*?)(?:\n\(Did you mean (.*)\?\))?$/.exec(message) ?? [];
  return new UsageError(text, `${near === undefined ? '' : `Did you mean ${near}? `}See ${help}.`);
}

/** The error about words that are no options and for which a command has no place. */
export function strayWords(command: Command, words: string[]): UsageError {
  const [word = ''] = words;
  const path = pathOf(command);
  const most = command.registeredArguments.length;
  const flag = /^\d+$/.test(word) ? ['--count', '--campaign'] : ['--csv'];
  const meant = most === 0 ? flag.find((long) => command.options.some((option) => option.long === long)) : undefined;
  return new UsageError(
    `"${word}" is one argument too many: ${path} takes ${most === 0 ? 'none' : most}`,
    `${meant === undefined ? '' : `Did you mean ${meant} ${word}? `}See ${path} --help.`,
  );
}

/** What others call our commands. */
const ALSO_CALLED: Record<string, string> = {
  send: 'run',
  start: 'run',
  continue: 'resume',
  stop: 'pause',
  abort: 'cancel',
  list: 'status',
  export: 'report',
  check: 'doctor',
};
/** Letters that may be wrong in the name of a command. */
const NEAR = 2;

function didYouMean(command: Command, word: string): string {
  const own = command.commands.map((inner) => inner.name());
  const found = nearest(word.toLowerCase(), [...own, ...(command.parent === null ? Object.keys(ALSO_CALLED) : [])]);
  if (found === undefined || found.distance > Math.min(NEAR, word.length / 2)) return '';
  const name = own.includes(found.word) ? found.word : ALSO_CALLED[found.word];
  return `Did you mean ${pathOf(command)} ${name}? `;
}

function afterHelp(words: string[]): string | undefined {
  return words.includes('help') ? words[words.indexOf('help') + 1] : undefined;
}

/** The command that the words lead to. */
function innermost(program: Command, words: string[]): Command {
  return words.reduce((command, word) => command.commands.find((inner) => inner.name() === word) ?? command, program);
}

/** A command as it is typed. */
function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
