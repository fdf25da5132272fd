import { Redis, ReplyError } from 'ioredis';
import { UsageError } from '../../errors.ts';
import { failureOf } from './failure.ts';
import { OPEN, WRITE } from './scripts.ts';

const CONNECT_TIMEOUT_MS = 3_000;
/** How long one command may take, waiting for a connection included. */
const COMMAND_TIMEOUT_MS = 5_000;
const RECONNECT_WAIT_MS = 100;
const RECONNECT_WAIT_LIMIT_MS = 2_000;

const SCRIPTS = { open: OPEN, write: WRITE };

/** Nothing of a reply is trusted to have a shape: each caller knows what its script answers. */
// biome-ignore lint/suspicious/noExplicitAny: replies are nested arrays whose shape only the script knows.
export type Reply = any;

/** One connection to Redis, opened by the first call and again, in the background, whenever it is lost. */
export interface Connection {
  /** `host:port`, without a password. */
  readonly place: string;
  readonly database: number;
  /** One script, one round trip. Rejects with CheckpointUnreachable or UsageError within 5 s. It may have been carried out all the same. */
  run(script: keyof typeof SCRIPTS, keys: string[], args: (string | number)[]): Promise<Reply>;
  /** One command, with the same errors. */
  call(command: string, ...args: string[]): Promise<Reply>;
  close(): Promise<void>;
}

/** Opens `redis://[user:password@]host[:port][/database]`, or the same over TLS with `rediss://`. UsageError for any other address. */
export function connect(url: string): Connection {
  const { place, database } = parse(url);
  const redis = new Redis(url, OPTIONS);
  for (const [name, lua] of Object.entries(SCRIPTS)) redis.defineCommand(name, { lua });

  let trouble: Error | undefined;
  let fatal: Error | undefined;
  redis.on('ready', () => {
    trouble = undefined;
  });
  redis.on('error', (error: Error) => {
    trouble = error;
    if (commandOf(error) !== 'select') return;
    // The client would go on in database 0 all the same, and write there.
    fatal = /DB index/i.test(error.message)
      ? new UsageError(`Redis at ${place} has no database ${database}`, 'Give another number at the end of REDIS_URL.', error)
      : failureOf(error, place, undefined);
    redis.disconnect();
  });

  async function answered<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw fatal ?? failureOf(error, place, trouble);
    }
  }

  return {
    place,
    database,
    run: (script, keys, args) => answered((redis as unknown as Scripted)[script](keys.length, ...keys, ...args)),
    call: (command, ...args) => answered(redis.call(command, ...args)),
    async close() {
      if (redis.status === 'ready') await redis.quit().catch(() => undefined);
      redis.disconnect();
    },
  };
}

type Scripted = Record<keyof typeof SCRIPTS, (keys: number, ...args: (string | number)[]) => Promise<Reply>>;

// A command whose connection broke is sent again on the next one: every script may be repeated. Without the client's own ready check a
// Redis that is loading its data says so, instead of leaving the command to wait.
const OPTIONS = {
  lazyConnect: true,
  connectTimeout: CONNECT_TIMEOUT_MS,
  commandTimeout: COMMAND_TIMEOUT_MS,
  maxRetriesPerRequest: 1,
  enableReadyCheck: false,
  disableClientInfo: true,
  connectionName: 'wsend',
  retryStrategy: (times: number) => Math.min(times * RECONNECT_WAIT_MS, RECONNECT_WAIT_LIMIT_MS),
};

function parse(url: string): { place: string; database: number } {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const path = parsed?.pathname.replace(/^\//, '') ?? '';
  if (!parsed?.hostname || !['redis:', 'rediss:'].includes(parsed.protocol) || !/^\d*$/.test(path)) {
    throw new UsageError(
      'REDIS_URL is not an address of a Redis',
      'It looks like redis://user:password@host:6379/0, or rediss:// for TLS.',
    );
  }
  return { place: `${parsed.hostname}:${parsed.port || 6379}`, database: Number(path) };
}

/** The command that Redis answered with this error, if it is an answer. */
function commandOf(error: Error): string | undefined {
  return error instanceof ReplyError ? (error as { command?: { name?: string } }).command?.name : undefined;
}
