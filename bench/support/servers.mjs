import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';

// Whatever ends a measurement, its servers and folders go with it.
process.setMaxListeners(0);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/** Starts the local provider; see provider.mjs. `ask` takes `forget`, `arrivals` or `count`. */
export async function startProvider(options = {}) {
  const child = fork(fileURLToPath(new URL('provider.mjs', import.meta.url)), [JSON.stringify(options)]);
  process.once('exit', () => child.kill());
  const [{ url }] = await once(child, 'message');
  const ask = async (wanted) => {
    const answer = once(child, 'message');
    child.send(wanted);
    return (await answer)[0];
  };
  return { url, ask, forget: () => ask('forget'), stop: () => child.kill() };
}

/** Starts a Redis of our own that writes nothing to disk. */
export async function startRedis() {
  const folder = mkdtempSync(join(tmpdir(), 'wsend-bench-redis-'));
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  process.once('exit', () => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  client.on('error', () => {});
  await client.ping();
  const stop = async () => {
    client.disconnect();
    child.kill();
    await once(child, 'close');
  };
  return { url, client, stop };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
