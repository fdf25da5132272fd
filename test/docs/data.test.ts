import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keysOf } from '../../src/adapters/redis/keys.ts';
import type { SqlDialect } from '../../src/adapters/sql/open/dialect.ts';
import { type Database, openDatabase } from '../../src/adapters/sql/open/sql-database.ts';
import { LISTENING, MAKING, sendingRights } from '../../src/adapters/sql/open/write-rights.ts';
import { columnsByTable } from '../../src/adapters/sql/tables/inspect.ts';
import { migrateOwnTables } from '../../src/adapters/sql/tables/own-tables.ts';
import { operatorTables, statementsFor } from '../../src/adapters/sql/tables/tables.ts';
import { campaignName } from '../../src/core/checkpoint.ts';
import { freshDatabase, type TestDatabase } from '../support/databases.ts';
import { pathOf, read, withPart } from './page.ts';

const NAMES: Record<SqlDialect, string> = { sqlite: 'SQLite', postgres: 'PostgreSQL', mysql: 'MySQL and MariaDB' };
const OPERATORS = operatorTables('sqlite');
const PAGE = read('docs/data.md');

let beside: TestDatabase;
let database: Database;
beforeAll(async () => {
  beside = await freshDatabase('sqlite');
  database = await openDatabase(beside.url);
  await migrateOwnTables(database);
});
afterAll(async () => {
  await database.close();
  await beside.drop();
});

describe('docs/data.md', () => {
  it('names every column of the platform, and which may be missing', () => {
    const told = rowsUnder(/^### /m).flatMap(([table, names = '', needed]) =>
      namesIn(names).map((name) => `${name.includes('.') ? name : `${table}.${name}`}${needed === 'needed' ? '' : ' ?'}`),
    );
    const known = OPERATORS.flatMap(({ name, columns, optional = [] }) =>
      Object.keys(columns).map((column) => `${name}.${column}${optional.includes(column) ? ' ?' : ''}`),
    );
    expect(told.sort()).toEqual(known.sort());
  });

  it("names wsend's own tables with their columns", async () => {
    const own = [...(await columnsByTable(database.db, 'sqlite'))].filter(([name]) => name.startsWith('wsend_'));
    const rows = rowsUnder(/^## wsend's own tables$/m);
    const told = rows.map(([, table = '', columns = '']) => [namesIn(table)[0], namesIn(columns)]);
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(own.map(([name, columns]) => [name, [...columns.keys()]])));
  });

  it('names every key of Redis that others may read', () => {
    const keys = ['message_1', 'message_2'].flatMap((type) => keysOf(campaignName(42, type as 'message_1')));
    const told = PAGE.replaceAll('<id>', '42').replace(
      '`…:failed`, `…:last_message`',
      '`campaign:42:message_2:failed`, `campaign:42:message_2:last_message`',
    );
    for (const key of keys) expect(told).toContain(`\`${key}\``);
  });

  it('says which rights are needed (npm run docs)', async () => {
    await expect(withPart(PAGE, 'rights', rights())).toMatchFileSnapshot(pathOf('docs/data.md'));
  });

  it.each(Object.keys(NAMES) as SqlDialect[])('has the tables ready as SQL for %s (npm run docs)', async (dialect) => {
    const statements = operatorTables(dialect).flatMap((table) => statementsFor(table, dialect));
    const head = `-- The tables of a campaign platform as wsend makes them in an empty database of ${NAMES[dialect]}. Made by npm run docs.\n`;
    await expect(`${head}\n${statements.map((text) => `${inLines(text)};\n`).join('\n')}`).toMatchFileSnapshot(
      pathOf(`docs/sql/${dialect}.sql`),
    );
  });
});

/** The rows of tables in Markdown, each after the heading it stands under. */
function rowsUnder(heading: RegExp): string[][] {
  const end = heading.source.startsWith('^### ') ? "\n## wsend's own" : '\n## Rights';
  const part = PAGE.slice(PAGE.search(heading), PAGE.indexOf(end));
  let under = '';
  return part.split('\n').flatMap((line) => {
    under = /^#+ (.*)/.exec(line)?.[1] ?? under;
    const cells = line.split('|').slice(1, -1);
    return line.startsWith('| `') ? [[under, ...cells.map((cell) => cell.trim())]] : [];
  });
}

function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string);
}

function rights(): string {
  const all = [...sendingRights('mysql'), ...MAKING, ...LISTENING];
  const rows = OPERATORS.map(({ name }) => {
    const mays = all.filter(({ table }) => table === name).map(({ may }) => may);
    return `grant ${[...new Set(['select', ...mays.sort()])].join(', ')} on ${name} to <user>;`;
  });
  const filled = OPERATORS.filter(
    ({ name, columns }) => 'id' in columns && all.some(({ may, table }) => may === 'insert' && table === name),
  );
  const sequences = `grant usage on sequence ${filled.map(({ name }) => `${name}_id_seq`).join(', ')} to <user>;  -- PostgreSQL`;
  return ['```sql', ...rows, sequences, '```'].join('\n');
}

/** A statement with each of its parts on a line of its own. */
function inLines(statement: string): string {
  if (!statement.startsWith('create table')) return statement;
  let depth = 0;
  let text = '';
  for (const [at, letter] of [...statement].entries()) {
    if (letter === '(') depth += 1;
    if (letter === ')') depth -= 1;
    const isEnd = letter === ')' && depth === 0;
    if (isEnd) text += '\n';
    if (letter === ' ' && depth === 1 && statement[at - 1] === ',') text += '\n  ';
    else text += letter;
    if (letter === '(' && depth === 1) text += '\n  ';
  }
  return text;
}
