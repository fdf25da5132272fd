import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// The stand-in for Pigeon's API, and what it tells a webhook. It shares nothing with the program.

/** A message that flew. */
export interface Bird {
  pigeon: string;
  from: string;
  to: string;
  text: string;
  tag: string;
}

export const TOKEN = 'a-token-for-pigeons';
export const SEAL = 'the-seal-of-the-loft';
export const WORD = 'coo';

/** A loft that listens. `loses` says of which message (from 1) it takes and never answers. */
export async function openLoft() {
  const birds: Bird[] = [];
  const loft = { birds, loses: (_nth: number) => false, env: {} as Record<string, string>, url: '', close: async () => {}, tell };
  const server = createServer(async (request, response) => {
    const body = JSON.parse((await request.toArray()).join('') || '{}');
    if (request.headers.authorization !== `Bearer ${TOKEN}` || request.url !== '/birds') return response.writeHead(401).end();
    const bird = { ...body, pigeon: `bird-${birds.length + 1}` };
    birds.push(bird);
    if (loft.loses(birds.length)) return request.socket.destroy();
    return response.writeHead(201).end(JSON.stringify({ pigeon: bird.pigeon }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  loft.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  loft.env = { PIGEON_URL: loft.url, PIGEON_TOKEN: TOKEN, PIGEON_LOFT: 'north', PIGEON_SEAL: SEAL, PIGEON_WORD: WORD };
  loft.close = async () => {
    server.closeAllConnections();
    server.close();
  };
  return loft;
}

/** What it tells of, sealed; resolves to the status of the answer. */
async function tell(url: string, news: Record<string, unknown>[], seal = SEAL): Promise<number> {
  const body = JSON.stringify({ news });
  const sealed = createHmac('sha512', seal).update(body).digest('base64');
  return (await fetch(`${url}/webhooks/pigeon`, { method: 'POST', body, headers: { 'X-Pigeon-Seal': sealed } })).status;
}
