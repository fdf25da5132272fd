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

/** The word among `known` that takes the fewest changed, added or missing letters to be made of `word`, and how many; the first of several. */
export function nearest<Word extends string>(word: string, known: readonly Word[]): { word: Word; distance: number } | undefined {
  const all = known.map((candidate) => ({ word: candidate, distance: distanceOf(word, candidate) }));
  return all.toSorted((a, b) => a.distance - b.distance)[0];
}

function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
