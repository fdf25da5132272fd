import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parse } from 'dotenv';
import type { CampaignSettings } from './core/checkpoint.ts';
import { ConfigurationError, reasonOf, UsageError } from './errors.ts';
import type { Options } from './options.ts';
import type { Outside } from './outside.ts';
import { ENV_FILE, type SettingName } from './settings.ts';

/** The flags that mean the same for every command. */
export type Flags = Pick<
  Options,
  'json' | 'quiet' | 'color' | 'envFile' | 'delay' | 'batchSize' | 'batchPause' | 'concurrency' | 'fault' | 'sandbox'
>;

/** Those that are settings, under their names there. */
export function settingFlags({ delay, batchSize, batchPause, concurrency }: Flags): Partial<Record<SettingName, string>> {
  const given = Object.entries({ delay, batchSize, batchPause, concurrency }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as Partial<Record<SettingName, string>>;
}

/** The settings that were given by flag, to be remembered with the campaign. */
export function settingsOf(flags: Flags): CampaignSettings {
  return Object.fromEntries(Object.entries(settingFlags(flags)).map(([name, text]) => [name, Number(text)]));
}

/** What the settings file says; there need not be one unless it was named. */
export function readEnvFile(path: string | undefined): Record<string, string> {
  try {
    return parse(readFileSync(path ?? ENV_FILE));
  } catch (cause) {
    if (path === undefined && (cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new ConfigurationError(
      [`cannot read the settings file ${path ?? ENV_FILE}: ${reasonOf(cause)}`],
      path === undefined
        ? `The ${ENV_FILE} in this folder must be a file that you may read. Or name another file with --env-file.`
        : 'Check the path given with --env-file.',
      cause,
    );
  }
}

/** Colour, unless something says no: the flag, NO_COLOR, a dumb terminal. */
export function wantsColor(flags: Flags, { env }: Outside): boolean {
  return flags.color !== false && !env.NO_COLOR && env.TERM !== 'dumb';
}

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
