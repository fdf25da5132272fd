// The provider that every peer sends to, in a process of its own: takes every message at once or after a while, stamps its arrival, knows
// nobody. Started with `fork`, given `{ latencyMs: [least, most] }` as JSON; tells its URL, and on each message from the parent what it saw.
import { createServer } from 'node:http';

const { latencyMs: [least, most] = [0, 0] } = JSON.parse(process.argv[2] ?? '{}');

/** When each message arrived, in milliseconds since 1970 with decimals. */
let arrivals = [];

/** What takes the place of the message's own id and reference. */
const [ID, REFERENCE] = ['65bb00000000000000000000', 'wsend-0-0-00000000'];
const [BEFORE_ID, BEFORE_REFERENCE, REST] = JSON.stringify({
  id: ID,
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
  reference: REFERENCE,
}).split(new RegExp(`${ID}|${REFERENCE}`));
let taken = 0;

/** The answer to a message: an id of its own, and the reference that it came with. */
function accepted(body) {
  const reference = /"reference":"([^"]*)"/.exec(body)?.[1] ?? '';
  taken += 1;
  return Buffer.from(`${BEFORE_ID}65bb${String(taken).padStart(20, '0')}${BEFORE_REFERENCE}${reference}${REST}`);
}
const DEVICE = Buffer.from(
  JSON.stringify({ id: '65aa00000000000000000001', status: 'operative', alias: 'bench', session: { status: 'online' } }),
);
const NO_MESSAGES = Buffer.from('[]');

const server = createServer((request, response) => {
  const isSend = request.method === 'POST';
  if (isSend) arrivals.push(performance.timeOrigin + performance.now());
  let sent = '';
  const answer = () => {
    const body = isSend ? accepted(sent) : request.url.includes('/devices/') ? DEVICE : NO_MESSAGES;
    response.writeHead(isSend ? 201 : 200, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  };
  if (isSend) request.setEncoding('latin1').on('data', (chunk) => (sent += chunk));
  else request.resume();
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
