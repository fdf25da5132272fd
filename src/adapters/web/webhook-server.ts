import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { isSecret } from '../../core/secret.ts';
import { InfrastructureError, messageOf } from '../../errors.ts';
import type { ListenMetrics } from '../../ports/inbox.ts';
import type { Webhook } from '../../ports/provider.ts';

/** The largest body that is read: 1 MiB, a thousand times what the provider sends. */
const LARGEST_BODY = 1_048_576;
/** A call that takes longer to arrive, head and body together, is cut off. */
const REQUEST_TIMEOUT_MS = 10_000;
/** How often such calls are looked for. Node's own half minute would make 10 s into 40. */
const LOOK_EVERY_MS = 500;
/** Connections that may wait for a call at once; of more, the oldest is closed. The provider uses a few. */
const MOST_WAITING = 256;

/** What a web server for the provider's calls needs. */
export interface WebOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  /** How the provider calls; null where it does not. */
  webhook: Omit<Webhook, 'read' | 'shown'> | null;
  metrics: ListenMetrics;
  /** Takes a parsed body; resolves once what it reports is durable, to why a part of it was not understood, or null. */
  take(body: unknown): Promise<string | null>;
  /** Current problems, one line each; empty when healthy. Anybody may read it: it names no host. */
  health(): Promise<string[]>;
}

/**
 * Listens for the provider: its webhook, `GET /healthz`, `GET /metrics`. 200 means durable. A caller that does not know the secret of an address
 * sees what is to be seen under any unknown one. Rejects with InfrastructureError when it cannot listen there.
 */
export async function startWeb(options: WebOptions): Promise<{ url: string; close(): Promise<void> }> {
  const { host, port, metrics } = options;
  const app = fastify({
    bodyLimit: LARGEST_BODY,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: LOOK_EVERY_MS },
    forceCloseConnections: 'idle',
    // Longer than a whole head may be.
    routerOptions: { maxParamLength: 65_536 },
    // An address that cannot be read.
    frameworkErrors: (_error, request, reply) => void notFound(request, reply),
  });
  limitCrowd(app.server, MOST_WAITING);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setNotFoundHandler(notFound);
  app.setErrorHandler((error: { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    return reply.code(status).send({ message: status === 413 ? 'larger than 1 MB' : status < 500 ? 'not understood' : 'not taken' });
  });

  if (options.webhook !== null) addWebhook(app, options.webhook, options);
  app.get('/healthz', async (_request, reply) => {
    const problems = await options.health();
    return reply.code(problems.length === 0 ? 200 : 503).send({ ready: problems.length === 0, problems });
  });
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));

  try {
    return { url: await app.listen({ host, port }), close: () => app.close() };
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'another program listens there' : messageOf(cause);
    throw new InfrastructureError(`cannot listen on ${host}:${port}: ${reason}`, 'Choose another --port, or --host.', cause);
  }
}

interface Call {
  Params: { secret?: string };
  Body: Buffer | undefined;
}

function addWebhook(app: FastifyInstance, webhook: NonNullable<WebOptions['webhook']>, { metrics, take }: WebOptions): void {
  const { path, secret, challenge } = webhook;
  const address = secret === null ? path : `${path}/:secret`;
  // Before anything of the body is read.
  const onRequest = async (request: FastifyRequest<Call>, reply: FastifyReply) =>
    secret === null || isSecret(request.params.secret ?? '', secret) ? undefined : notFound(request, reply);
  if (challenge !== null)
    app.get<Call>(address, { onRequest }, async (request, reply) => {
      const answer = challenge(new URL(request.url, 'http://localhost').searchParams);
      return answer === null ? reply.code(403).send({ message: 'refused' }) : reply.type('text/plain').send(answer);
    });
  app.post<Call>(
    address,
    { onRequest, onResponse: async (_request, reply) => metrics.answered(reply.statusCode, reply.elapsedTime / 1_000) },
    async (request, reply) => {
      const body = request.body ?? Buffer.alloc(0);
      if (!webhook.isGenuine(body, (name) => [request.headers[name]].flat()[0])) {
        metrics.event('call', 'unsigned');
        return reply.code(401).send({ message: 'the signature is missing or wrong' });
      }
      let json: unknown;
      try {
        json = JSON.parse(body.toString('utf8'));
      } catch {
        metrics.event('call', 'unreadable');
        return reply.code(400).send({ message: 'not JSON' });
      }
      let unread: string | null;
      try {
        unread = await take(json);
      } catch {
        metrics.event('call', 'not_taken');
        return reply.code(503).send({ message: 'not taken, try again' });
      }
      if (unread !== null) {
        // The provider keeps it and repeats it: by then it may be understood.
        metrics.event('call', 'not_understood');
        return reply.code(422).send({ message: `not understood: ${unread}` });
      }
      return reply.code(200).send({ ok: true });
    },
  );
}

function notFound(_request: unknown, reply: FastifyReply) {
  return reply.code(404).send({ message: 'not found' });
}

/**
 * Keeps connections that never finish a request from keeping others out: of more than `most` connections that wait for one, the oldest is
 * closed. One whose request is being answered counts as busy and stays.
 */
export function limitCrowd(server: Server, most: number): void {
  const waiting = new Set<Socket>();
  const wait = (socket: Socket) => {
    if (socket.destroyed) return;
    waiting.add(socket);
    const [oldest] = waiting;
    if (waiting.size > most) oldest?.destroy();
  };
  server.on('connection', (socket) => {
    socket.once('close', () => waiting.delete(socket));
    wait(socket);
  });
  server.on('request', (request, response) => {
    const { socket } = request;
    request.once('end', () => waiting.delete(socket));
    response.once('close', () => {
      waiting.delete(socket);
      wait(socket);
    });
  });
}
