import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, relative, resolve } from 'node:path';
import { expect, it } from 'vitest';

// Who may import whom: the rules of docs/ARCHITECTURE.md, as one table.

const ROOT = resolve(import.meta.dirname, '..');

/**
 * Each room with what it may import: rooms, and packages and modules of Node by name. A room is a folder below `src`, or below `src/adapters`; a
 * file beside the rooms is one by itself. `~` before a name: only by `await import()`, when it is needed.
 */
const MAY_IMPORT: Record<string, string> = {
  core: 'node:crypto',
  ports: 'core',
  errors: 'node:util',
  deferred: '',

  // What is sent, and how: no package, no clock but the one that is given.
  send: 'core deferred loop',
  'run-campaign': 'core loop runs send',
  loop: 'core deferred errors ports',
  runs: 'config core errors flags listen loop options outside ports run-campaign world',
  verify: 'core errors loop ports runs',
  listen: 'core deferred errors ports',
  commands: 'config core errors listen loop options outside ports runs settings verify world node:path ~runs',

  // What a person types.
  main: 'cli errors outside ports world ~node:readline',
  cli: 'errors flags options outside settings usage-errors world commander ~commands ~world',
  flags: 'core errors options outside settings commander dotenv node:fs',
  options: '',
  'usage-errors': 'errors misspelt commander',
  settings: 'core zod/mini',
  misspelt: 'settings',
  config: 'core errors misspelt settings',
  outside: 'ports',

  // A world of its own beside sending.
  sandbox: 'core errors ports kysely node:crypto node:http node:net',

  // One package, or one part of Node, behind one shape.
  'adapters/csv':
    'core errors ports csv-parse libphonenumber-js/min node:buffer node:crypto node:fs node:fs/promises node:stream node:stream/promises',
  'adapters/liquid': 'core errors ports liquidjs node:buffer node:fs/promises',
  'adapters/process': 'core ports node:crypto node:fs node:os',
  'adapters/redis': 'core errors ports ioredis node:crypto',
  'adapters/sql': 'core errors ports kysely @photostructure/sqlite mysql2 ~mysql2 pg ~pg node:crypto node:fs node:timers/promises',
  'adapters/system-clock': 'core ports node:events',
  'adapters/terminal': 'core errors ports chalk cli-progress node:fs node:stream node:util',
  'adapters/wassenger': 'core errors ports got node:http node:https node:net',
  'adapters/web': 'core errors ports fastify prom-client node:http node:net',

  // All that is particular to a provider, by its name.
  providers: 'core ports settings adapters/wassenger ~adapters/wassenger',

  // Joins them; what is big is loaded when it is used.
  world: [
    'config core errors flags outside ports providers runs kysely node:diagnostics_channel node:fs node:http node:stream',
    'adapters/csv adapters/liquid adapters/process adapters/sql adapters/system-clock adapters/terminal',
    '~adapters/csv ~adapters/liquid ~adapters/process ~adapters/redis ~adapters/sql ~adapters/terminal ~adapters/web ~sandbox',
  ].join(' '),
};

const FILES = readdirSync(resolve(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `src/${name}`);

const TEXTS = new Map(FILES.map((file) => [file, readFileSync(resolve(ROOT, file), 'utf8')]));

/** Every import of a file: what is named, the file it is where it is one of ours, and whether it is loaded only when it is needed. */
function importsOf(file: string): { spec: string; to: string | null; late: boolean }[] {
  const found = TEXTS.get(file)?.matchAll(/(?:\bfrom |^import |\bimport\()'([^']+)'(\))?/gm) ?? [];
  return [...found].map(([, spec = '', late]) => {
    const to = spec.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(file), spec)) : null;
    return { spec, to, late: late !== undefined };
  });
}

function roomOf(file: string): string {
  const [, room = '', second = ''] = file.split('/');
  return (room === 'adapters' ? `${room}/${second}` : room).replace(/\.ts$/, '');
}

it('every room imports only what the table names, and the table names nothing else', () => {
  const seen = new Map(Object.keys(MAY_IMPORT).map((room) => [room, new Set<string>()]));
  for (const file of FILES) {
    for (const { spec, to, late } of importsOf(file)) {
      const name = to === null ? spec : roomOf(to);
      if (name !== roomOf(file)) seen.get(roomOf(file))?.add(`${late ? '~' : ''}${name}`);
    }
  }
  const table = Object.entries(MAY_IMPORT).map(([room, names]) => [room, names.split(' ').filter(Boolean).sort()]);
  expect(Object.fromEntries([...seen].map(([room, names]) => [room, [...names].sort()]))).toEqual(Object.fromEntries(table));
  expect([...new Set(FILES.map(roomOf))].filter((room) => !(room in MAY_IMPORT))).toEqual([]);
});

it('no file imports itself, by whichever way round', () => {
  const circles: string[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const visit = (file: string, path: string[]) => {
    if (state.get(file) === 'open') circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
    if (state.has(file)) return;
    state.set(file, 'open');
    for (const { to, late } of importsOf(file)) if (to !== null && TEXTS.has(to) && !late) visit(to, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of FILES) visit(file, []);
  expect(circles).toEqual([]);
});

it('no two files have one name', () => {
  const names = FILES.map((file) => basename(file));
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

it('no file only passes on what others have', () => {
  expect(FILES.filter((file) => /^export (type )?(\*|\{[^}]*\}) from /m.test(TEXTS.get(file) as string))).toEqual([]);
});

it('core has no clock, no randomness, no timer, no promise and no process', () => {
  const impure =
    /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\brandom(Bytes|UUID|Int)\b|\bset(Timeout|Interval|Immediate)\b|\bprocess\.|\bperformance\.|\bawait\b|\bPromise\b/;
  const code = (file: string) => (TEXTS.get(file) as string).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  expect(FILES.filter((file) => roomOf(file) === 'core' && impure.test(code(file)))).toEqual([]);
});
