// The peer without any bookkeeping: `concurrency` workers, each with one got call after the other. Arguments: URL, count, concurrency.
import { Agent } from 'node:http';
import { sender } from './send.mjs';

const [url, count, concurrency] = process.argv.slice(2);
const send = sender(url, new Agent({ keepAlive: true }));
let next = 1;
async function worker() {
  while (next <= Number(count)) await send(next++);
}
await Promise.all(Array.from({ length: Number(concurrency) }, worker));
process.exit();
