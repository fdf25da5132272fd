// What a listener takes: so many webhook calls per second, started on a fixed beat whatever becomes of the earlier ones, on SQLite. Each is a
// receipt (sent, delivered, read) of a message of a campaign that was sent before; one in twenty is a reply. Answer times, the memory of
// the listener, and how far it is behind at the end.  node bench/webhooks.mjs --rate 1000 --events 200000
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { parseArgs } from 'node:util';
import { DatabaseSync } from '@photostructure/sqlite';
import { BIN, makeDatabase, makeFolder } from './support/program.mjs';
import { table } from './support/statistics.mjs';

const { values: options } = parseArgs({
  options: {
    rate: { type: 'string', default: '1000' },
    events: { type: 'string', default: '200000' },
    people: { type: 'string', default: '20000' },
  },
});
const [rate, events, people] = [options.rate, options.events, options.people].map(Number);
const SECRET = 'the-secret-of-the-benchmark';
const folder = makeFolder();
await makeDatabase(folder.path, people);
markSent(`${folder.path}/wsend.db`);

const listener = spawn(process.execPath, [BIN, 'listen', '--port', '0', '--json'], {
  cwd: folder.path,
  env: { PATH: process.env.PATH, WASSENGER_WEBHOOK_SECRET: SECRET },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const [line] = await once(listener.stdout.setEncoding('utf8'), 'data');
const { port, hostname } = new URL(JSON.parse(line).url);
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

const times = new Float64Array(events);
const memory = [];
let answered = 0;
let refused = 0;
const begin = performance.now();
const watch = setInterval(() => memory.push(residentMiB(listener.pid)), 1_000);
for (let sent = 0; sent < events; ) {
  const due = Math.min(events, Math.floor(((performance.now() - begin) / 1_000) * rate));
  for (; sent < due; sent += 1) call(sent);
  await new Promise((resolve) => setTimeout(resolve, 1));
}
while (answered < events) await new Promise((resolve) => setTimeout(resolve, 5));
const took = (performance.now() - begin) / 1_000;
const metrics = await (await fetch(`http://${hostname}:${port}/metrics`)).text();
const waiting = Number(/^wsend_inbox_depth (\d+)/m.exec(metrics)?.[1]);
const cpu = cpuSeconds(listener.pid);
clearInterval(watch);
listener.kill('SIGTERM');
await once(listener, 'exit');
agent.destroy();
folder.remove();

times.sort();
const at = (share) => `${times[Math.floor(share * (events - 1))].toFixed(1)} ms`;
const part = (from, to) => Math.max(...memory.slice(Math.floor(from * memory.length), Math.ceil(to * memory.length))).toFixed(0);
console.log(`## Webhook calls, ${rate} a second, SQLite\n`);
console.log(
  table(
    [
      'calls',
      'answered per second',
      'not taken',
      'median',
      '99 %',
      'slowest',
      'not worked off at the end',
      'memory, first and last quarter',
    ],
    [
      [
        ...[String(events), (events / took).toFixed(0), String(refused), at(0.5), at(0.99), at(1), String(waiting)],
        `${part(0, 0.25)} and ${part(0.75, 1)} MiB`,
        `${((1_000 * cpu) / events).toFixed(2)} ms`,
      ],
    ],
  ),
);

function call(n) {
  const start = performance.now();
  const body = JSON.stringify(n % 20 === 19 ? reply(n) : receipt(n));
  const done = () => {
    times[n] = performance.now() - start;
    answered += 1;
  };
  const path = `/webhooks/wassenger/${SECRET}`;
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const sending = request({ host: hostname, port, agent, method: 'POST', path, headers }, (answer) => {
    if (answer.statusCode !== 200) refused += 1;
    answer.resume().once('end', done);
  });
  sending.once('error', () => {
    refused += 1;
    done();
  });
  sending.end(body);
}

function receipt(n) {
  const ack = ['sent', 'delivered', 'read'][Math.floor(n / people) % 3];
  const id = `WA${(n % people) + 1}`;
  return {
    id,
    object: 'message',
    event: 'message:out:ack',
    created: Math.floor(Date.now() / 1_000),
    ack,
    data: { id, flow: 'outbound', ack },
  };
}

function reply(n) {
  const id = `RE${n}`;
  const fromNumber = `+2290${10_000_001 + (n % people)}`;
  const data = { id, flow: 'inbound', type: 'text', fromNumber, body: 'Yes please', timestamp: Math.floor(Date.now() / 1_000) };
  return { id, object: 'message', event: 'message:in:new', created: data.timestamp, data };
}

/** As a run leaves it: everyone has Message 1, and both ids are known. */
function markSent(path) {
  const file = new DatabaseSync(path);
  file.exec(`update messages set status = 'sent', sent_at = strftime('%Y-%m-%d %H:%M:%f', 'now'), whatsapp_message_id = 'PR' || id`);
  file.exec(`update campaigns set status = 'sending', sent_count = (select count(*) from messages)`);
  file.exec(
    `create table wsend_provider_ids (provider_id varchar(255) not null primary key, message_id integer not null, recorded_as varchar(255) not null)`,
  );
  file.exec(`insert into wsend_provider_ids select 'WA' || id, id, 'PR' || id from messages`);
  file.exec(`insert into wsend_provider_ids select 'PR' || id, id, 'PR' || id from messages`);
  file.close();
}

function residentMiB(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
}

/** User and system time of a process so far; the kernel counts in hundredths. */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
