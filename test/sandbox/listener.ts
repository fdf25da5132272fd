import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readWebhook } from '../../src/adapters/wassenger/webhook.ts';
import type { Incoming } from '../../src/core/incoming.ts';

/** Something that a webhook calls. */
export interface Listener {
  url: string;
  /** Everything that came, as facts, in its order. */
  facts: Incoming[];
  /** The same in short: how far a message has come, or `reply`, `reaction`, `ignored`. */
  kinds(): string[];
  /** The parsed bodies. */
  bodies: unknown[];
  close(): void;
}

/** Listens on a free port. `statusOf` gives the answer to the `nth` call (from 1); a `null` leaves it without one. */
export async function listenForEvents(statusOf: (nth: number) => number | null | Promise<number> = () => 200): Promise<Listener> {
  const facts: Incoming[] = [];
  const bodies: unknown[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', async () => {
      const body = JSON.parse(text);
      bodies.push(body);
      facts.push(...readWebhook(body, Date.now()));
      const status = await statusOf(bodies.length);
      if (status === null) request.socket.destroy();
      else response.writeHead(status).end('ok');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook`,
    facts,
    bodies,
    kinds: () => facts.map((fact) => (fact.kind === 'delivery' ? fact.state : fact.kind)),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
