// `npm run bench` (once before: npm install --prefix bench): every measurement but hundred.mjs, one after another, as the Markdown that
// docs/performance.md holds. Takes about half an hour; leave the machine alone meanwhile. Single ones: node bench/run.mjs pacing startup
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';

const ALL = ['throughput', 'memory', 'pacing', 'startup', 'webhooks'];
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const version = (name) =>
  JSON.parse(readFileSync(here(name === 'bullmq' ? 'node_modules/bullmq/package.json' : `../node_modules/${name}/package.json`), 'utf8'))
    .version;

const packages = ['got', 'ioredis', '@photostructure/sqlite', 'bullmq'].map((name) => `${name} ${version(name)}`);
const redis = /v=(\S+)/.exec(spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout)?.[1];
const cores = cpus();
console.log(
  `Measured on ${new Date().toISOString().slice(0, 10)}: ${cores.length} × ${cores[0].model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${type()} ${release()};`,
);
console.log(`node ${process.versions.node}, Redis ${redis} (no append-only file), ${packages.join(', ')}.\n`);

for (const name of process.argv.length > 2 ? process.argv.slice(2) : ALL) {
  const { status } = spawnSync(process.execPath, [here(`${name}.mjs`)], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
  console.log();
}
