// The plan's check: 100 messages at 3 s / 75 / 30 s through the sandbox in real time (5 min 27 s of gaps and pause), the estimate beside what it
// took. With --twentieth the same at a twentieth of the time. Exit code 1 when not everyone was sent to, or the estimate is off by over 10 %.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { BIN, makeFolder } from './support/program.mjs';

const { values: options } = parseArgs({
  options: { twentieth: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
});
const scale = options.twentieth ? 1 / 20 : 1;
const COUNT = 100;
const pace = { delay: 3 * scale, batchSize: 75, pause: 30 * scale };
/** From the first send to the last: a gap before each but the first, and one pause. */
const idealSeconds = (COUNT - 1) * pace.delay + pace.pause;

const folder = makeFolder();
const people = Array.from({ length: COUNT }, (_, i) => `+22901${String(10_000_000 + i).slice(1)}1,Person ${i}`);
writeFileSync(join(folder.path, 'people.csv'), `phone,first_name\n${people.join('\n')}\n`);
const flags = ['--delay', pace.delay, '--batch-size', pace.batchSize, '--batch-pause', pace.pause].map(String);
const args = [BIN, 'run', '--csv', 'people.csv', '--message', 'Hello {{ first_name }}', '--sandbox', '--json', ...flags];
const child = spawn(process.execPath, args, {
  cwd: folder.path,
  env: { PATH: process.env.PATH, HOME: process.env.HOME },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = once(child, 'close');

const told = {};
const sentAt = [];
for await (const line of createInterface({ input: child.stdout })) {
  const event = JSON.parse(line);
  if (event.type === 'sent') sentAt.push(performance.now());
  told[event.type] = event;
}
const [code] = await ended;
folder.remove();

const result = {
  exit_code: code,
  count: COUNT,
  sent: told.summary?.sent ?? 0,
  eta_seconds: told.plan?.eta_seconds,
  ideal_seconds: idealSeconds,
  first_to_last_seconds: Math.round(sentAt.at(-1) - sentAt[0]) / 1_000,
  duration_seconds: told.summary?.duration_seconds,
};
const off = (result.duration_seconds - result.eta_seconds) / result.eta_seconds;
if (options.json) console.log(JSON.stringify(result));
else {
  console.log(`## ${COUNT} messages at ${pace.delay} s / ${pace.batchSize} / ${pace.pause} s through the sandbox\n`);
  console.log(`- sent: ${result.sent} of ${COUNT}`);
  console.log(`- estimate: ${result.eta_seconds} s`);
  console.log(`- reality: ${result.duration_seconds} s (${(off * 100).toFixed(1)} %; within 10 % is promised)`);
  console.log(`- first send to last: ${result.first_to_last_seconds} s; gaps and pause make ${idealSeconds.toFixed(2)} s`);
}
process.exitCode = code === 0 && result.sent === COUNT && Math.abs(off) <= 0.1 ? 0 : 1;
