// D = 2 s, the shortest allowed: how exactly wsend keeps its pace while answers take 5 to 60 ms. Sends are stamped in the client as they get their connection, and
// by the provider as they arrive.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIN, makeDatabase, makeFolder, run, settings } from './support/program.mjs';
import { startProvider, startRedis } from './support/servers.mjs';
import { quantile, table } from './support/statistics.mjs';

const COUNT = 60;
const DELAY_MS = 2_000;
const BATCH_SIZE = 30;
const PAUSE_MS = 5_000;
/** A send may be this late. */
const LATE_MS = 10;

const stamps = new URL('support/stamps.mjs', import.meta.url).href;
const provider = await startProvider({ latencyMs: [5, 60] });
const redis = await startRedis();

/** The moments of all sends of one campaign, as the client and the provider saw them. */
async function send(redisUrl) {
  const folder = makeFolder();
  await makeDatabase(folder.path, COUNT);
  await provider.forget();
  const pace = ['--delay', DELAY_MS / 1_000, '--batch-size', BATCH_SIZE, '--batch-pause', PAUSE_MS / 1_000].map(String);
  const env = { ...settings(provider.url, redisUrl), STAMPS: join(folder.path, 'stamps.json') };
  await run(['--import', stamps, BIN, 'run', '--campaign', '1', '--yes', '--quiet', ...pace], { folder: folder.path, env });
  const client = JSON.parse(readFileSync(env.STAMPS, 'utf8'));
  folder.remove();
  return { client, provider: await provider.ask('arrivals') };
}

/** Each gap against the one that the pace asks for: positive is late. */
function lateness(starts) {
  return starts.slice(1).map((at, i) => at - starts[i] - DELAY_MS - ((i + 1) % BATCH_SIZE === 0 ? PAUSE_MS : 0));
}

function row(store, seenBy, starts) {
  const ideal = (COUNT - 1) * DELAY_MS + (Math.ceil(COUNT / BATCH_SIZE) - 1) * PAUSE_MS;
  const total = starts.at(-1) - starts[0];
  const late = lateness(starts);
  return [
    store,
    seenBy,
    `${(total / 1_000).toFixed(3)} s of ${(ideal / 1_000).toFixed(1)} s`,
    `${(((total - ideal) / ideal) * 100).toFixed(3)} %`,
    `${((late.filter((ms) => ms <= LATE_MS).length / late.length) * 100).toFixed(1)} %`,
    `${quantile(late, 0.99).toFixed(1)} / ${Math.max(...late).toFixed(1)} ms`,
    `${Math.max(0, -Math.min(...late)).toFixed(1)} ms`,
  ];
}

const rows = [];
for (const [store, url] of [
  ['Redis', redis.url],
  ['SQLite', undefined],
]) {
  const seen = await send(url);
  for (const [seenBy, starts] of Object.entries(seen)) rows.push(row(store, seenBy, starts));
}
provider.stop();
await redis.stop();

console.log(
  `## Pacing: ${COUNT} messages, D = ${DELAY_MS} ms, batches of ${BATCH_SIZE}, ${PAUSE_MS} ms between them, answers after 5–60 ms\n`,
);
console.log(
  table(
    [
      'checkpoint',
      'stamped by',
      'first to last send',
      'off by (≤ 0.5 %)',
      `at most ${LATE_MS} ms late (≥ 99 %)`,
      'lateness p99 / most',
      'shortest gap under D by',
    ],
    rows,
  ),
);
