// Start-up over `node -e 0`: the medians of commands that load little, and a run until its first checkpoint, claim and call.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { BIN, makeDatabase, makeFolder, placeDatabase, run, settings } from './support/program.mjs';
import { startProvider, startRedis } from './support/servers.mjs';
import { median, table } from './support/statistics.mjs';

const { values: options } = parseArgs({ options: { runs: { type: 'string', default: '21' } } });
const runs = Number(options.runs);
const folder = makeFolder();

/** Medians in milliseconds of commands that are run in turn, so that whatever else the machine does meets them all. */
function medians(commands) {
  const times = commands.map(() => []);
  for (let i = 0; i < runs; i += 1) {
    for (const [at, args] of commands.entries()) {
      const begin = performance.now();
      spawnSync(process.execPath, args, { cwd: folder.path, stdio: 'ignore' });
      times[at].push(performance.now() - begin);
    }
  }
  return times.map(median);
}

const [bare, ...over] = medians([
  ['-e', '0'],
  [BIN, '--help'],
  [BIN, '--version'],
  [BIN, 'estimate', '--count', '1000'],
]);

const redis = await startRedis();
const template = makeFolder();
await makeDatabase(template.path, 100);
const provider = await startProvider();
/** When the checkpoint and the first claim were written, as Redis itself tells. */
let written = {};
const monitor = await redis.client.monitor();
monitor.on('monitor', (seconds, [command, key, ...fields]) => {
  if (!/^hset$/i.test(command) || key !== 'campaign:1:message_1') return;
  const at = Number(seconds) * 1_000;
  written.checkpoint ??= at;
  if (fields.some((text) => text.includes('"is":"claim"'))) written.claim ??= at;
});

/** From the start of the process to the first checkpoint and the first claim (where Redis has them), and to the first call. */
async function firstSteps(url) {
  const place = makeFolder();
  placeDatabase(template.path, place.path);
  await redis.client.flushall();
  await provider.forget();
  written = {};
  const begin = performance.timeOrigin + performance.now();
  await run(
    [BIN, 'run', '--campaign', '1', '--limit', '1', '--yes', '--quiet'],
    { folder: place.path, env: settings(provider.url, url), stdio: 'ignore' },
    6,
  );
  place.remove();
  const { first: called } = await provider.ask('count');
  return { checkpoint: written.checkpoint - begin, claim: written.claim - begin, call: called - begin };
}
const first = { redis: [], sqlite: [] };
for (let i = 0; i < runs; i += 1) {
  first.redis.push(await firstSteps(redis.url));
  first.sqlite.push(await firstSteps(undefined));
}
monitor.disconnect();
provider.stop();
await redis.stop();
template.remove();
folder.remove();

const ms = (value) => `${(value - bare).toFixed(0)} ms`;
const rows = [
  ...['--help', '--version', 'estimate --count 1000'].map((name, i) => [name, ms(over[i]), '≤ 35 ms']),
  ['first checkpoint of a run, Redis', ms(median(first.redis.map(({ checkpoint }) => checkpoint))), '≤ 110 ms'],
  ['first claim of a run, Redis', ms(median(first.redis.map(({ claim }) => claim))), ''],
  ['first call of a run, Redis', ms(median(first.redis.map(({ call }) => call))), ''],
  ['first call of a run, SQLite', ms(median(first.sqlite.map(({ call }) => call))), ''],
];
console.log(table([`over node -e 0 (${bare.toFixed(0)} ms)`, 'median', 'target'], rows));
