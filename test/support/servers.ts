import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Server {
  name: string;
  variable: string;
  usual: string;
  port: number;
  suites: string;
  startedBy: string;
}

const SERVERS: Server[] = [
  {
    name: 'Redis',
    variable: 'WSEND_TEST_REDIS_URL',
    usual: 'redis://127.0.0.1:6379',
    port: 6379,
    suites: 'the checkpoint in Redis',
    startedBy: 'install redis-server (the tests start it themselves)',
  },
  {
    name: 'PostgreSQL',
    variable: 'WSEND_TEST_POSTGRES_URL',
    usual: 'postgres://postgres@127.0.0.1:5432/postgres',
    port: 5432,
    suites: 'the campaign store in PostgreSQL',
    startedBy: 'docker run -p 5432:5432 -e POSTGRES_HOST_AUTH_METHOD=trust postgres',
  },
  {
    name: 'MySQL',
    variable: 'WSEND_TEST_MYSQL_URL',
    usual: 'mysql://root@127.0.0.1:3306',
    port: 3306,
    suites: 'the campaign store in MySQL',
    startedBy: 'docker run -p 3306:3306 -e MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1 mariadb',
  },
];

/** Where a Chromium may be. */
const CHROMIUMS = [
  process.env.WSEND_TEST_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

let ownRedis: RunningRedis | undefined;

/**
 * Before the workers start: finds the servers that tests need and hands their addresses on as `WSEND_TEST_…_URL`. Redis is started where
 * it is installed but not running. An absent server is one loud line, or a failure with `WSEND_REQUIRE_SERVERS=1`.
 */
export async function setup(): Promise<void> {
  const absent: string[] = [];
  for (const server of SERVERS) {
    const url = (await found(server)) ?? (server.name === 'Redis' ? await startOwnRedis() : undefined);
    if (url !== undefined) process.env[server.variable] = url;
    else {
      delete process.env[server.variable];
      absent.push(
        `NO ${server.name}: the tests of ${server.suites} CANNOT RUN. To have them run: ${server.startedBy}, or set ${server.variable}.`,
      );
    }
  }
  const installed = spawnSync('redis-server', ['--version']).status === 0;
  process.env.WSEND_TEST_REDIS_PROGRAM = installed ? '1' : '0';
  if (!installed)
    absent.push(
      'NO redis-server: the tests of a Redis in trouble CANNOT RUN. To have them run: install it, so that they can start their own.',
    );
  const browser = CHROMIUMS.find((path) => path && existsSync(path));
  if (browser !== undefined) process.env.WSEND_TEST_CHROMIUM = browser;
  else {
    delete process.env.WSEND_TEST_CHROMIUM;
    absent.push(
      "NO Chromium: the tests of the sandbox's page in a browser CANNOT RUN. To have them run: install it, or set WSEND_TEST_CHROMIUM to its path.",
    );
  }
  if (absent.length === 0) return;
  if (process.env.WSEND_REQUIRE_SERVERS === '1') {
    await teardown();
    throw new Error(`WSEND_REQUIRE_SERVERS=1, but\n${absent.join('\n')}`);
  }
  for (const line of absent) process.stderr.write(`\n!!! ${line}\n`);
}

/** After the last test. */
export async function teardown(): Promise<void> {
  await ownRedis?.stop();
}

async function found({ variable, usual, port }: Server): Promise<string | undefined> {
  const url = process.env[variable] || usual;
  const { hostname, port: given } = new URL(url);
  return (await answers(hostname, Number(given) || port)) ? url : undefined;
}

async function startOwnRedis(): Promise<string | undefined> {
  ownRedis = await startRedis().catch(() => undefined);
  return ownRedis?.url;
}

/** A Redis of a test's own. */
export interface RunningRedis {
  url: string;
  port: number;
  process: ChildProcess;
  /** Ends it at once, like a crash. */
  kill(): Promise<void>;
  /** Starts it again with the same port, folder and settings. */
  restart(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Starts redis-server on a free port of the loopback, without persistence unless `settings` say otherwise. Rejects where it is not installed. */
export async function startRedis(settings: string[] = []): Promise<RunningRedis> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'wsend-redis-'));
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no', ...settings];

  async function start(): Promise<ChildProcess> {
    const child = spawn('redis-server', args, { stdio: 'ignore' });
    await once(child, 'spawn');
    running.add(child);
    child.once('exit', () => running.delete(child));
    while (!(await answers('127.0.0.1', port))) {
      if (child.exitCode !== null) throw new Error(`redis-server ended with code ${child.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return child;
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (server.process.exitCode !== null || server.process.signalCode !== null) return;
    const gone = once(server.process, 'exit');
    server.process.kill(signal);
    await gone;
  }

  const server: RunningRedis = {
    url: `redis://127.0.0.1:${port}`,
    port,
    process: await start(),
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGKILL');
      server.process = await start();
    },
    async stop() {
      await end('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return server;
}

/** A port of the loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2_000 });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
    socket.once('timeout', () => done(false));
  });
}
