// The provider that every peer sends to, in a process of its own: takes every message at once or after a while, stamps its arrival, knows
// nobody. Started with `fork`, given `{ latencyMs: [least, most] }` as JSON; tells its URL, and on each message from the parent what it saw.
import { createServer } from 'node:http';

const { latencyMs: [least, most] = [0, 0] } = JSON.parse(process.argv[2] ?? '{}');

/** When each message arrived, in milliseconds since 1970 with decimals. */
let arrivals = [];

const MESSAGE = Buffer.from(
  JSON.stringify({
    id: '65bb0000000000000000a001',
    waId: '3EB0AA11BB22CC33DD44',
    phone: '+22901020304',
    wid: '22901020304@c.us',
    device: '65aa00000000000000000001',
    status: 'queued',
    deliveryStatus: 'queued',
    webhookStatus: 'pending',
    createdAt: '2025-01-01T08:00:00.000Z',
    deliverAt: '2025-01-01T08:00:00.000Z',
    message: 'Hello Awa, the summer term begins on Monday at eight.',
    priority: 'normal',
    retentionPolicy: 'plan_defaults',
    retry: { max: 25, delay: 60, count: 0 },
    reference: 'wsend-1-1-0123abcd',
  }),
);
const DEVICE = Buffer.from(
  JSON.stringify({ id: '65aa00000000000000000001', status: 'operative', alias: 'bench', session: { status: 'online' } }),
);
const NO_MESSAGES = Buffer.from('[]');

const server = createServer((request, response) => {
  const isSend = request.method === 'POST';
  if (isSend) arrivals.push(performance.timeOrigin + performance.now());
  const body = isSend ? MESSAGE : request.url.includes('/devices/') ? DEVICE : NO_MESSAGES;
  const answer = () => {
    response.writeHead(isSend ? 201 : 200, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  };
  request.resume();
  request.once('end', () => {
    if (isSend && most > 0) setTimeout(answer, least + Math.random() * (most - least));
    else answer();
  });
});
server.keepAliveTimeout = 60_000;

process.on('message', (wanted) => {
  if (wanted === 'forget') arrivals = [];
  process.send(wanted === 'arrivals' ? arrivals : { count: arrivals.length, first: arrivals[0], last: arrivals.at(-1) });
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => process.send({ url: `http://127.0.0.1:${server.address().port}/v1` }));
