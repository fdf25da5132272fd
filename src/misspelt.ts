import { nearest } from './core/nearest.ts';
import { ENV_FILE, OURS, SETTINGS } from './settings.ts';

type Given = Record<string, string | undefined>;

const KNOWN: readonly string[] = Object.values(SETTINGS).map(({ variable }) => variable);
/** Letters that may be wrong: in a name of ours, to suggest the right one; in any other name, to take it for ours. */
const NEAR = { ours: 8, anybodys: 2 };

/**
 * Names that look like settings and are none, each as a warning with the nearest that is one: a misspelt setting would be left at its default in
 * silence. A name that another program may own counts only where ours is not given. No value is shown. `fileName`: that of the settings file.
 */
export function misspelt(env: Given, envFile: Given, fileName: string = ENV_FILE): string[] {
  const isGiven = (name: string) => Boolean(env[name] || envFile[name]);
  const check = (name: string, source: string): string[] => {
    const typed = name.toUpperCase();
    if (KNOWN.includes(name) || !isGiven(name) || (!OURS.test(typed) && !mayBeOurs(typed))) return [];
    const whole = KNOWN.find((known) => known.startsWith(`${typed}_`));
    const near = whole === undefined ? nearest(typed, KNOWN) : { word: whole, distance: 0 };
    const isNear = near !== undefined && near.distance <= (OURS.test(typed) ? NEAR.ours : NEAR.anybodys);
    if (!OURS.test(typed) && !(isNear && !isGiven(near.word))) return [];
    return [
      `${name} (from ${source}) is not a setting${isNear ? `; did you mean ${near.word}?` : ': docs/configuration.md lists them all'}`,
    ];
  };
  const inFile = Object.keys(envFile);
  const inEnvironment = Object.keys(env).filter((name) => !inFile.includes(name));
  return [...inFile.flatMap((name) => check(name, fileName)), ...inEnvironment.flatMap((name) => check(name, 'the environment'))];
}

/** Cheaper than a comparison letter by letter: the environment is full of names that are no mistakes. */
function mayBeOurs(name: string): boolean {
  return KNOWN.some((known) => Math.abs(known.length - name.length) <= NEAR.anybodys && (known[0] === name[0] || known[1] === name[1]));
}
