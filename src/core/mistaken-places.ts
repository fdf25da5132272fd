import { toVariable } from './variable.ts';

/** Something in a text that the person likely meant otherwise, as it stands there, and what to write. */
export interface MistakenPlace {
  written: string;
  advice: string;
}

/** A name of a column between other marks than ours; those that are usual in plain texts count only where a column is so called. */
const OTHER_MARKS: { pattern: RegExp; onlyColumns?: true }[] = [
  { pattern: /\$?\{\s*([\p{L}_][^{}|\n]{0,60}?)\s*\}/gu },
  { pattern: /%([\p{L}_][\p{L}\p{M}\p{N}_]{0,60})%/gu },
  { pattern: /\(\(\s*([\p{L}_][^()\n]{0,60}?)\s*\)\)/gu },
  { pattern: /\[\[?\s*([\p{L}_][^[\]\n]{0,60}?)\s*\]\]?/gu, onlyColumns: true },
  { pattern: /<<?\s*([\p{L}_][^<>\n]{0,60}?)\s*>>?/gu, onlyColumns: true },
  { pattern: /«\s*([\p{L}_][^«»\n]{0,60}?)\s*»/gu, onlyColumns: true },
];

const OUTPUTS = /\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g;

/**
 * Where a text was written for another program: `{first_name}`, `[first_name]`, `%first_name%`, `((first_name))`, a literal `\n`,
 * `{Hi|Hello}`, `{{1}}`. Everyone would get it as it stands. `columns`: what the text may name (see toVariable). Each once, in no order.
 */
export function mistakenPlaces(text: string, columns: string[]): MistakenPlace[] {
  const known = new Set(columns.map(toVariable));
  const plain = text.replace(OUTPUTS, ' ');
  const names = OTHER_MARKS.flatMap(({ pattern, onlyColumns }) =>
    [...plain.matchAll(pattern)].flatMap(([written, name = '']) => {
      const variable = toVariable(name);
      if (onlyColumns && !known.has(variable) && !/^\p{Ll}+(_\p{Ll}+)+$/u.test(name)) return [];
      return [{ written, advice: `for each person's own, write {{ ${variable} }}` }];
    }),
  );
  const choices = [...plain.matchAll(/\{[^{}\n]*\|[^{}\n]*\}/g)].map(([written]) => ({
    written,
    advice: 'there is no random choice; write one of them',
  }));
  const numbered = [...text.matchAll(/\{\{-?\s*(\d+)\s*-?\}\}/g)].map(([written, number]) => ({
    written,
    advice: `that is a ${number} for everyone; name a column, as in {{ first_name }}`,
  }));
  const breaks = [...plain.matchAll(/(?:\\r)?\\n|<br\s*\/?>|%0A/gi)].map(([written]) => ({
    written,
    advice: 'write a real line end instead (--message @file.txt takes the text from a file)',
  }));
  const all = [...names, ...choices, ...numbered, ...breaks];
  return all.filter(({ written }, at) => all.findIndex((other) => other.written === written) === at);
}
