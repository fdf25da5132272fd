// Peak memory of a run at D = 0 with 20,000 and with 1,000,000 recipients; the large one is killed half way (kill -9) and resumed: how many are
// then in doubt, how soon the resumed run sends, and what Redis holds for those that are settled. Option: --count <recipients of the large one>
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { BIN, makeDatabase, makeFolder, settings, start, UNPACED } from './support/program.mjs';
import { startProvider, startRedis } from './support/servers.mjs';
import { table } from './support/statistics.mjs';

const SMALL = 20_000;
const CONCURRENCY = 16;

const { values: options } = parseArgs({ options: { count: { type: 'string', default: '1000000' } } });
const large = Number(options.count);
const provider = await startProvider();
const redis = await startRedis();

/** Runs wsend until it ends, or until the provider has got `killAt` messages. Resolves to its peak memory in bytes. */
async function send(command, folder, { count, killAt = Number.POSITIVE_INFINITY }) {
  const args = [BIN, ...command, '--concurrency', String(CONCURRENCY), ...UNPACED];
  const { child, ended } = start(args, { folder, env: settings(provider.url, redis.url) });
  let peak = 0;
  let over = false;
  ended.then(() => {
    over = true;
  });
  while (!over) {
    await sleep(50);
    peak = Math.max(peak, peakOf(child.pid));
    if ((await provider.ask('count')).count >= killAt) child.kill('SIGKILL');
  }
  const { code, signal } = await ended;
  const { count: seen } = await provider.ask('count');
  if (signal === null && (code !== 0 || seen < count)) throw new Error(`wsend ended with ${code} after ${seen} of ${count}`);
  return peak;
}

/** The kernel's high-water mark of resident memory; 0 once the process is gone. */
function peakOf(pid) {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
}

/** What Redis holds of the campaign, per recipient that is settled. */
async function redisBytes() {
  const keys = await redis.client.keys('campaign:1:*');
  const sizes = await Promise.all(keys.map((key) => redis.client.memory('USAGE', key, 'SAMPLES', 0)));
  const settled = Number(await redis.client.get('campaign:1:sent'));
  const kept = await redis.client.hvals('campaign:1:message_1');
  const claims = kept.filter((text) => text.startsWith('{"is":"claim"')).length;
  return { perSettled: sizes.reduce((a, b) => a + b, 0) / settled, claims };
}

async function campaign(count) {
  const folder = makeFolder();
  await makeDatabase(folder.path, count);
  await redis.client.flushall();
  await provider.forget();
  return folder;
}

const small = await campaign(SMALL);
const smallPeak = await send(['run', '--campaign', '1'], small.path, { count: SMALL });
const smallBytes = await redisBytes();
small.remove();

const big = await campaign(large);
const firstPeak = await send(['run', '--campaign', '1'], big.path, { count: large, killAt: large / 2 });
const killed = await redisBytes();
await provider.forget();
const resumedAt = Date.now();
const secondPeak = await send(['resume', '1'], big.path, { count: large / 2 - 2_000 });
const { first } = await provider.ask('count');
const bigBytes = await redisBytes();
big.remove();
provider.stop();
await redis.stop();

const mb = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;
const people = (count) => count.toLocaleString('en');
const largePeak = Math.max(firstPeak, secondPeak);
console.log(`## Memory and resuming: D = 0, ${CONCURRENCY} at once, checkpoints in Redis\n`);
console.log(
  table(
    ['what', 'measured', 'target'],
    [
      [`peak memory, ${people(SMALL)} recipients`, mb(smallPeak), '< 180 MB'],
      [`peak memory, ${people(large)} recipients (killed half way, resumed)`, `${mb(firstPeak)}, ${mb(secondPeak)}`, '< 180 MB'],
      ['the larger against the smaller', `${(largePeak / smallPeak).toFixed(2)} ×`, '≤ 1.2 ×'],
      ['without an outcome after kill -9', `${killed.claims}`, `≤ ${CONCURRENCY}`],
      ['first send of the resumed campaign', `${((first - resumedAt) / 1_000).toFixed(2)} s`, '≤ 4 s'],
      [`Redis per settled recipient: ${people(SMALL)} at the end`, `${smallBytes.perSettled.toFixed(2)} bytes`, '≤ 40'],
      [`Redis per settled recipient: ${people(large / 2)} at the kill`, `${killed.perSettled.toFixed(2)} bytes`, '≤ 40'],
      [`Redis per settled recipient: ${people(large)} at the end`, `${bigBytes.perSettled.toFixed(2)} bytes`, '≤ 40'],
    ],
  ),
);
