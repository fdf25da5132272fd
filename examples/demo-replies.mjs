// `npm run demo:replies`: a campaign, what comes back, Message 2 and an opt-out, end to end on embedded defaults. The sandbox plays the contacts;
// nothing leaves this machine.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = here('../.demo');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);

const ours = ['WASSENGER_', 'DATABASE_URL', 'REDIS_URL', 'MAX_RETRY_', 'RETRY_BASE_'];
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.some((prefix) => name.startsWith(prefix))));
env.WASSENGER_WEBHOOK_SECRET = randomUUID();
env.WASSENGER_MIN_DELAY_SECONDS = '0';
env.WASSENGER_LOOKUP_SECONDS = '1';

const started = [];
process.once('exit', () => {
  for (const child of started) child.kill();
});
function start(args, stdio = ['ignore', 'inherit', 'inherit']) {
  const child = spawn(process.execPath, [here('../bin/wsend.js'), ...args], { cwd: folder, env, stdio });
  started.push(child);
  return child;
}
async function run(...args) {
  console.log(`\n$ wsend ${args.map((word) => (/[\s{|]/.test(word) ? `'${word}'` : word)).join(' ')}`);
  await once(start(args), 'exit');
}

const port = await freePort();
const webhook = `http://127.0.0.1:${port}/webhooks/wassenger/${env.WASSENGER_WEBHOOK_SECRET}`;
const contacts = [
  'delivered=1',
  'read=80%',
  'readAfter=200-900',
  'reply=50%',
  'replyAfter=500-2500',
  'replyText=Yes please|STOP|Tell me more',
  'eventRepeat=20%',
];
const faults = contacts.flatMap((fault) => ['--fault', fault]);
const sandbox = start(['sandbox', '--port', '0', '--json', '--webhook', webhook, ...faults], ['ignore', 'pipe', 'inherit']);
const [line] = await once(sandbox.stdout.setEncoding('utf8'), 'data');
const { url, control_url: page, api_key: key, device } = JSON.parse(line);
Object.assign(env, { WASSENGER_BASE_URL: url, WASSENGER_API_KEY: key, WASSENGER_DEVICE_ID: device });
console.log(`The sandbox plays the contacts: half of them answer, some with STOP. Their chats are at ${page}/ while this runs.`);

console.log(`\n$ wsend listen --port ${port} &`);
const listener = start(['listen', '--port', String(port)]);
await wait(1_500);
const people = '../examples/people.csv';
const pace = ['--delay', '0.1', '--batch-size', '25', '--batch-pause', '1', '--yes', '--quiet'];
await run(
  'run',
  '--csv',
  people,
  '--message',
  'Shall we keep you a place, {{ first_name | default: "friend" }}?',
  '--message-2',
  'It is yours!',
  ...pace,
);
await wait(8_000);
await run('status', '1');
await run('optout', 'list');
await run('run', '--csv', people, '--message', 'A last word: see you on Monday.', ...pace);
console.log('\nWho said STOP was left out of the second campaign. Each of the others who answered the first has had one Message 2.');
listener.kill('SIGTERM');
await once(listener, 'exit');
sandbox.kill('SIGTERM');

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: free } = server.address();
  server.close();
  return free;
}
