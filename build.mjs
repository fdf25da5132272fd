// Bundles src into dist, so that an installed wsend is two packages (the SQLite binding is native code and stays outside) and a command reads
// few files: every file costs a millisecond or two of start-up. Licences of what is inside are kept beside it.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const here = (path) => new URL(path, import.meta.url);
const { version } = JSON.parse(readFileSync(here('./package.json'), 'utf8'));

/**
 * Which modules share a file, by what needs them together; the first that fits counts. What no group names is divided by who imports it.
 */
const GROUPS = [
  {
    name: 'cli',
    test: /src\/(cli|errors|options|settings|usage-errors|misspelt)\.ts|core\/stop-words\.ts|world\/(show-error|standard-streams)\.ts|ports\/output\.ts|process\/hangup|terminal\/(safe-output|streams|terminal-text)\.ts|node_modules\/commander\//,
  },
  {
    name: 'world',
    test: /src\/(world|flags|config|providers)\.ts|wassenger\/api-account\.ts|src\/world\/|src\/commands\/estimate\.ts|terminal\/(estimate-text|clock-time)\.ts/,
  },
  {
    name: 'run',
    test: /src\/(send|run-campaign)\.ts|src\/loop\/|src\/commands\/(run|resume)\.ts|runs\/conduct\.ts|terminal\/report-lines\.ts|src\/adapters\/process\/|wassenger\/lazy-provider\.ts/,
  },
  { name: 'database', test: /src\/adapters\/sql\/(?!.*(mysql|postgres))|node_modules\/kysely\// },
  { name: 'redis', test: /src\/adapters\/redis\// },
  { name: 'wassenger', test: /src\/adapters\/wassenger\// },
].map((group, i, all) => ({ ...group, priority: all.length - i }));

const bundle = await rolldown({
  cwd: fileURLToPath(here('.')),
  input: { main: 'src/main.ts' },
  preserveEntrySignatures: 'allow-extension',
  platform: 'node',
  external: ['@photostructure/sqlite', 'pg-native'],
  transform: { target: 'node20', define: { WSEND_VERSION: JSON.stringify(version) } },
  plugins: [
    {
      name: 'unused',
      resolveId: { filter: { id: /^(node:child_process|(node:)?crypto|http2-wrapper)$/ }, handler: leaveOut },
      load: { filter: { id: /^\0unused$/ }, handler: () => 'export default {}' },
    },
    {
      name: 'raw',
      load: {
        filter: { id: /\?raw$/ },
        handler: (id) => `export default ${JSON.stringify(readFileSync(id.slice(0, -'?raw'.length), 'utf8'))}`,
      },
      resolveId: { filter: { id: /\?raw$/ }, handler: (id, importer) => resolve(dirname(importer), id) },
    },
  ],
  logLevel: 'warn',
});
rmSync(here('./dist'), { recursive: true, force: true });
const { output } = await bundle.write({
  dir: 'dist',
  format: 'esm',
  minify: true,
  sourcemap: true,
  comments: false,
  codeSplitting: { groups: GROUPS },
  chunkFileNames: '[name]-[hash].js',
});
await bundle.close();
for (const { fileName } of output.filter(({ fileName }) => fileName.endsWith('.map'))) leaveOutTexts(here(`./dist/${fileName}`));
writeFileSync(here('./dist/LICENSES.txt'), licencesOf(bundledPackages(output)));

/**
 * What costs start-up and is never used: commander loads `child_process` for subcommands that are programs of their own (5 ms), dotenv `crypto`
 * for vaults (15 ms), and got opens a TLS socket at once to be ready for HTTP/2 (40 ms). An empty module stands in for each; whoever called
 * one would fail at its first test.
 */
function leaveOut(id, importer = '') {
  const unused =
    id === 'http2-wrapper' ||
    (id === 'node:child_process' && /node_modules.commander./.test(importer)) ||
    (/crypto/.test(id) && /node_modules.dotenv./.test(importer));
  return unused ? '\0unused' : null;
}

/** A source map tells where a line of a stack is (`--debug`). The texts of the sources themselves would be two thirds of it. */
function leaveOutTexts(file) {
  const { sourcesContent: _, ...map } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify(map));
}

/** Folders of the packages inside, a second copy of one under another package included. */
function bundledPackages(chunks) {
  const root = fileURLToPath(here('.'));
  const names = chunks
    .flatMap(({ moduleIds = [] }) => moduleIds)
    .map((path) => /^node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+\//.exec(relative(root, path))?.[0]);
  return [...new Set(names.filter(Boolean))].sort();
}

function licencesOf(folders) {
  return folders
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(here(`./${folder}package.json`), 'utf8'));
      const file = readdirSync(here(`./${folder}`)).find((entry) => /^licen[cs]e/i.test(entry));
      const text = file && existsSync(here(`./${folder}${file}`)) ? readFileSync(here(`./${folder}${file}`), 'utf8').trim() : '';
      return `${name} ${version} (${license})\n\n${text}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}
