import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const PAGE = readFileSync(new URL('../docs/guarantees.md', import.meta.url), 'utf8');
const CITED = [...PAGE.matchAll(/\| `(test\/[^`]+)`: (.+?) +\|$/gm)].map(([, file, name]) => [file, name] as [string, string]);

/** The names of tests and suites in a source, as they are written there. */
function namesIn(source: string): string[] {
  return [...source.matchAll(/(['"`])((?:(?!\1).)+)\1/g)].map(([, , name]) => name as string);
}

describe('docs/guarantees.md', () => {
  it('names a test in every row of its tables', () => {
    const lines = PAGE.split('\n');
    const rows = lines.filter((line) => line.startsWith('|')).length - 2 * lines.filter((line) => /^\| --- /.test(line)).length;
    expect(CITED.length).toBe(rows);
    expect(rows).toBeGreaterThan(25);
  });

  it.each(CITED)('%s has the test: %s', (file, name) => {
    // An ellipsis stands for what differs from one case to the next.
    const pieces = name.split('…').map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    const pattern = new RegExp(`^${pieces.join('.+')}$`);
    const names = namesIn(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8'));
    expect(names.some((each) => pattern.test(each))).toBe(true);
  });
});
