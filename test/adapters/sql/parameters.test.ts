// biome-ignore-all lint/suspicious/noTemplateCurlyInString: places in the text of sources.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

// Values reach a database as bound parameters. What goes in as text is ours: each place where that is done is named here, with why it may be.

const ALLOWED: Record<string, string> = {
  'src/adapters/sql/entries/entries-postgres.ts: sql.raw(type)': 'constant names of types',
  'src/adapters/sql/tables/own-tables.ts: sql.raw(statement)': 'made of the constant list of tables',
  'src/adapters/sql/tables/schema.ts: sql.raw(statement)': 'made of the constant list of tables',
  'src/adapters/sql/stores/update-messages.ts: sql.lit(column)': 'a constant list of columns',
  'src/adapters/sql/stores/update-messages.ts: sql.raw(`${target}${name}`)': 'constant names of columns',
  "src/adapters/sql/open/write-rights.ts: sql.raw(['begin', ...statements, 'rollback'].join('; '))":
    'made of a constant list of tables and columns',
  'src/adapters/sql/open/write-rights.ts: sql.raw(statement)': 'the same',
};

/** Text as SQL: kysely's raw and literal, and statements handed to a driver by themselves. */
const AS_TEXT = /sql\.(?:raw|lit|literal|unsafe)\([^()]*(?:\([^()]*\)[^()]*)*\)|\.(?:query|exec|execute|prepare)\(\s*`[^`]*\$\{[^`]*`/g;

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? sources(join(folder, entry.name)) : entry.name.endsWith('.ts') ? [join(folder, entry.name)] : [],
  );
}

function textIn(path: string, source: string): string[] {
  return [...source.matchAll(AS_TEXT)].map(([text]) => `${path}: ${text.replace(/\s+/g, ' ')}`);
}

test('no value is written into the text of an SQL statement', () => {
  const found = sources('src').flatMap((path) => textIn(path, readFileSync(path, 'utf8')));
  expect([...new Set(found)].sort()).toEqual(Object.keys(ALLOWED).sort());
});

test('the search for such places finds them', () => {
  for (const line of ['sql.raw(name)', 'sql.lit(`x${phone}`)', 'client.query(`select ${id}`)', 'file.exec(`drop ${table}`)']) {
    expect(textIn('x', line), line).toHaveLength(1);
  }
  expect(textIn('x', 'sql`select ${id}`.execute(db); client.query(text, [id])')).toEqual([]);
});
