import type { Command } from 'commander';
import { UsageError } from './errors.ts';

/**
 * Has a flag that takes one value refused when it is given twice: the last would win in silence, and of two files one would never be sent
 * to. Flags that gather their values (--fault) may be repeated.
 */
export function refuseRepeats(command: Command): void {
  for (const option of command.options) {
    if (!option.required || option.variadic || option.parseArg !== undefined) continue;
    let given = false;
    command.on(`option:${option.name()}`, () => {
      if (given) throw new UsageError(`${option.long} is given twice; one value is allowed`, NEXT[option.long ?? ''] ?? 'Leave one out.');
      given = true;
    });
  }
  for (const inner of command.commands) refuseRepeats(inner);
}

const NEXT: Record<string, string> = { '--csv': 'Run the command once for each file, or put the people into one.' };
