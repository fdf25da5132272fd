// The peer with a job queue: one BullMQ job per message, the same got call. Arguments: `fill`, Redis URL, count; or `work`, Redis URL, count,
// URL, concurrency.
import { Agent } from 'node:http';
import { Queue, Worker } from 'bullmq';
import { sender } from './send.mjs';

const [act, redis, count, url, concurrency] = process.argv.slice(2);
const { hostname: host, port } = new URL(redis);
const connection = { host, port: Number(port), maxRetriesPerRequest: null };

if (act === 'fill') {
  const queue = new Queue('messages', { connection, defaultJobOptions: { removeOnComplete: true } });
  const jobs = Array.from({ length: Number(count) }, (_, i) => ({ name: 'send', data: { i: i + 1 } }));
  while (jobs.length > 0) await queue.addBulk(jobs.splice(0, 1_000));
  await queue.close();
} else {
  const send = sender(url, new Agent({ keepAlive: true }));
  let done = 0;
  const worker = new Worker('messages', async ({ data: { i } }) => (await send(i)).id, { connection, concurrency: Number(concurrency) });
  worker.on('completed', () => {
    done += 1;
    if (done === Number(count)) process.exit();
  });
}
