// D = 0: messages per second at the provider, from the first request to the last, of wsend with every claim and outcome in Redis, against
// a bare got loop, a BullMQ worker with the same calls, and wsend without the proof (unguarded.mjs). Peers run in turn, so that whatever
// else the machine does meets both. Options: --count <messages per run> --pairs <n> --only <bare|bullmq|unguarded>

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BIN, makeDatabase, makeFolder, placeDatabase, run, settings, UNPACED } from './support/program.mjs';
import { startProvider, startRedis } from './support/servers.mjs';
import { median, spread, table } from './support/statistics.mjs';
import { buildUnguarded } from './support/unguarded.mjs';

/** The cases, and the ratio that is aimed at in each. */
const CASES = [
  { peer: 'bare', concurrency: 16, latencyMs: 0, target: 1.05 },
  { peer: 'bare', concurrency: 64, latencyMs: 0, target: 1.15 },
  { peer: 'bare', concurrency: 64, latencyMs: 50, target: 0.95 },
  { peer: 'bullmq', concurrency: 16, latencyMs: 0, target: 1.3 },
  { peer: 'bullmq', concurrency: 64, latencyMs: 0, target: 1.3 },
  { peer: 'unguarded', concurrency: 16, latencyMs: 0, target: 0.95 },
  { peer: 'unguarded', concurrency: 64, latencyMs: 0, target: 0.95 },
  { peer: 'unguarded', concurrency: 64, latencyMs: 50, target: 0.95 },
];

const { values: options } = parseArgs({
  options: { count: { type: 'string', default: '60000' }, pairs: { type: 'string', default: '3' }, only: { type: 'string' } },
});
const count = Number(options.count);
const wanted = CASES.filter((one) => !options.only || one.peer === options.only);
const support = (name) => fileURLToPath(new URL(`support/${name}.mjs`, import.meta.url));

const redis = await startRedis();
const template = makeFolder();
await makeDatabase(template.path, count);

const program = (bin) =>
  async function send({ provider, concurrency }) {
    const folder = makeFolder();
    placeDatabase(template.path, folder.path);
    const args = [bin, 'run', '--campaign', '1', '--concurrency', String(concurrency), ...UNPACED];
    await run(args, { folder: folder.path, env: settings(provider.url, redis.url) });
    folder.remove();
  };

const peers = {
  wsend: program(BIN),
  bare: ({ provider, concurrency }) => run([support('bare'), provider.url, count, concurrency].map(String), {}),
  async bullmq({ provider, concurrency }) {
    await run([support('bullmq'), 'fill', redis.url, count].map(String), {});
    await run([support('bullmq'), 'work', redis.url, count, provider.url, concurrency].map(String), {});
  },
  ...(wanted.some(({ peer }) => peer === 'unguarded') ? { unguarded: program(buildUnguarded()) } : {}),
};

/** One run of one peer: messages per second, and the seconds of its whole process (without the filling of a queue). */
async function measure(peer, { provider, concurrency }) {
  await redis.client.flushall();
  await provider.forget();
  await peers[peer]({ provider, concurrency });
  const { count: seen, first, last } = await provider.ask('count');
  if (seen !== count) throw new Error(`${peer} sent ${seen} of ${count}`);
  return (count - 1) / ((last - first) / 1_000);
}

const rows = [];
for (const { peer, concurrency, latencyMs, target } of wanted) {
  const provider = await startProvider({ latencyMs: [latencyMs, latencyMs] });
  const rates = { wsend: [], [peer]: [] };
  for (let pair = 0; pair < Number(options.pairs); pair += 1) {
    for (const one of ['wsend', peer]) rates[one].push(await measure(one, { provider, concurrency }));
  }
  provider.stop();
  const ratios = rates.wsend.map((rate, i) => rate / rates[peer][i]);
  rows.push([
    `${concurrency} at once, answers ${latencyMs === 0 ? 'at once' : `after ${latencyMs} ms`}`,
    peer,
    median(rates.wsend).toFixed(0),
    median(rates[peer]).toFixed(0),
    spread(ratios),
    `≥ ${target}`,
  ]);
}
template.remove();
await redis.stop();
console.log(
  `## Throughput at D = 0: ${count} messages a run, ${options.pairs} pairs of runs in turn, client, server and Redis on the same cores\n`,
);
console.log(table(['case', 'peer', 'wsend /s', 'peer /s', 'ratio: median (least–most)', 'target'], rows));
