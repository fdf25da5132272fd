import { existsSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli.ts';
import { EXIT } from '../../src/errors.ts';
import type { Outside } from '../../src/outside.ts';
import { fakeOutput } from '../adapters/terminal/support.ts';
import { pathOf, read } from './page.ts';

const FOLDERS = ['', 'docs/', 'docs/decisions/'];
const PAPERS = FOLDERS.flatMap((folder) =>
  readdirSync(pathOf(folder || '.'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => folder + name),
);
/** Prose is no wider than this, so that it can be read and compared; tables, code and links by themselves may be. */
const WIDEST = 120;

describe('the papers', () => {
  it('README.md has every command of the program, and no other', async () => {
    const told = firstCells('## Commands').map((cell) => /wsend (\w+)/.exec(cell)?.[1]);
    expect(told.sort()).toEqual((await commandsOf()).sort());
  });

  it.each(['README.md', 'docs/json.md'])('%s has every exit code', (paper) => {
    const told = firstCells('## Exit codes', paper).flatMap((cell) => cell.split(', ').map(Number));
    expect(told.sort()).toEqual(Object.values(EXIT).sort());
  });

  it.each(PAPERS)('%s leads to files that are there', (paper) => {
    const links = [...read(paper).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)].map(([, link]) => link as string);
    expect(links.filter((link) => !existsSync(pathOf(`${dirname(paper)}/${link}`)))).toEqual([]);
  });

  it.each(PAPERS)('%s has no line of prose above 120 characters', (paper) => {
    const prose = read(paper).replace(/^```[\s\S]*?^```/gm, '');
    const wide = prose.split('\n').filter((line) => line.length > WIDEST && !/^(\||<|\s*\S+$)/.test(line));
    expect(wide).toEqual([]);
  });
});

/** The first cells of the table under a heading. */
function firstCells(heading: string, paper = 'README.md'): string[] {
  const [, under = ''] = read(paper).split(`${heading}\n`);
  const [part = ''] = under.split('\n## ');
  const rows = part.split('\n').filter((line) => line.startsWith('| '));
  return rows.slice(2).map((row) => row.split('|')[1]?.trim() ?? '');
}

async function commandsOf(): Promise<string[]> {
  vi.stubGlobal('WSEND_VERSION', '0');
  const stdout = fakeOutput();
  await run(['--help'], { stdout, stderr: fakeOutput(), env: {} } as unknown as Outside);
  const [, list = ''] = stdout.text().split('Commands:\n');
  return [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name as string).filter((name) => name !== 'help' && name !== 'wsend');
}
