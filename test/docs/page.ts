import { readFileSync } from 'node:fs';

/** A file of the repository by its path. */
export function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

/** Where a file of the repository is, for a test that holds it to what was made. */
export function pathOf(path: string): string {
  return new URL(`../../${path}`, import.meta.url).pathname;
}

/**
 * A page with the part of this name made anew: what stands between `<!-- name: made by npm run docs -->` and `<!-- end -->`. Throws where the
 * page has no such part.
 */
export function withPart(page: string, name: string, text: string): string {
  const begin = `<!-- ${name}: made by npm run docs -->\n`;
  const [before, rest] = page.split(begin);
  const end = rest?.indexOf('<!-- end -->') ?? -1;
  if (before === undefined || rest === undefined || end === -1) throw new Error(`the page has no part "${name}"`);
  return `${before}${begin}\n${text.trim()}\n\n${rest.slice(end)}`;
}

/** A table in Markdown. A `<` outside of code would begin HTML. */
export function table(head: string[], rows: string[][]): string {
  const escaped = (cell: string) => cell.replaceAll('|', '\\|').replace(/`[^`]*`|</g, (found) => (found === '<' ? '&lt;' : found));
  const line = (cells: string[]) => `| ${cells.map(escaped).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
