import { type Dialect, MysqlDialect, type MysqlPool, type MysqlPoolConnection } from 'kysely';
import type { ConnectionOptions, PoolConnection } from 'mysql2';
import { cutAll, type Deadlines, within } from './deadline.ts';

/**
 * Kysely's dialect for a MySQL or MariaDB address, with a pool of two connections that are opened when needed and again after an outage.
 * TLS is asked for with `?ssl-mode=REQUIRED` (any certificate) or `VERIFY_IDENTITY`. Nothing connects yet.
 */
export async function mysqlDialect(address: URL, deadlines: Deadlines): Promise<Dialect> {
  const { default: mysql } = await import('mysql2');
  const pool = mysql.createPool({ ...mysqlConfig(address, deadlines), connectionLimit: 2 });
  const ready = new WeakSet<PoolConnection>();
  const hanging = new Set<() => void>();
  // One that is idle is told goodbye, and would wait for an answer for ever.
  pool.on('connection', (connection) => {
    const cutIt = () => cut(connection);
    hanging.add(cutIt);
    streamOf(connection).once('close', () => hanging.delete(cutIt));
  });
  const getConnection: MysqlPool['getConnection'] = (callback) =>
    pool.getConnection((error, connection) => {
      if (error) return callback(error, undefined as never);
      if (ready.has(connection)) return callback(undefined, bounded(connection, deadlines, hanging));
      setUp(connection, deadlines).then(
        () => {
          ready.add(connection);
          callback(undefined, bounded(connection, deadlines, hanging));
        },
        (cause) => {
          cut(connection);
          callback(cause, undefined as never);
        },
      );
    });
  const ended = () => new Promise<void>((resolve) => pool.end(() => resolve()));
  const end: MysqlPool['end'] = (callback) =>
    void within(deadlines.closeMs, ended())
      .catch(() => {})
      .then(() => {
        cutAll(hanging);
        callback(undefined);
      });
  return new MysqlDialect({ pool: { getConnection, end } });
}

/** How to connect to this address. */
export function mysqlConfig(address: URL, { connectMs }: Deadlines): ConnectionOptions {
  return {
    host: address.hostname.replace(/^\[|\]$/g, '') || 'localhost',
    port: Number(address.port || 3306),
    user: decodeURIComponent(address.username),
    password: decodeURIComponent(address.password),
    database: decodeURIComponent(address.pathname.slice(1)),
    connectTimeout: connectMs,
    timezone: 'Z',
    dateStrings: true,
    // A whole number that is no exact number here comes as its text.
    supportBigNumbers: true,
    ...tls(address.searchParams),
  };
}

function tls(options: URLSearchParams): ConnectionOptions {
  const mode = (options.get('ssl-mode') ?? options.get('sslmode') ?? options.get('ssl') ?? '').toLowerCase();
  if (/^(required?|true|1)$/.test(mode)) return { ssl: { rejectUnauthorized: false } };
  return /^verify/.test(mode) ? { ssl: { rejectUnauthorized: true, verifyIdentity: mode.endsWith('identity') } } : {};
}

/** MariaDB alone: a transaction that is not gone on with is ended, as in transaction.ts, in seconds; and statements have our deadline alone. */
const MARIADB = '/*M!100300 , idle_transaction_timeout = 10, max_statement_time = 0 */';
/** The same deadline where it is MySQL's, which MariaDB passes over. */
const MYSQL = '/*!50708 , max_execution_time = 0 */';

/**
 * What is relied on, whatever the server's defaults: texts in UTF-8, times in UTC, escapes and quotes as mysql2 writes them, errors instead of silent
 * truncation; every row, however many, and updates by any column; each statement a transaction of its own; rows as they are, not as they were.
 */
export const SESSION = [
  'set names utf8mb4',
  `set session time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
    sql_select_limit = 18446744073709551615, sql_big_selects = 1, sql_safe_updates = 0, sql_auto_is_null = 0, autocommit = 1,
    completion_type = 0, innodb_lock_wait_timeout = 20 ${MARIADB} ${MYSQL}`,
  'set session transaction isolation level read committed',
];

async function setUp(connection: PoolConnection, { connectMs }: Deadlines): Promise<void> {
  const query = (text: string) => new Promise<void>((resolve, reject) => connection.query(text, (e) => (e ? reject(e) : resolve())));
  for (const text of SESSION) await within(connectMs, query(text));
}

/** A statement is cut after its deadline. Until its answer comes, what cuts it is among `cuts`. */
function bounded(connection: PoolConnection, { statementMs }: Deadlines, cuts: Set<() => void>): MysqlPoolConnection {
  return {
    query: ((text: string, values: unknown[], callback: (error: unknown, result?: unknown) => void) => {
      let cutIt = () => cut(connection);
      const query = new Promise((resolve, reject) => {
        connection.query(text, values, (e, result) => (e ? reject(e) : resolve(result)));
        // Cut by us, mysql2 never answers.
        cutIt = () => {
          cut(connection);
          reject(new Error('connection is in closed state'));
        };
      });
      cuts.add(cutIt);
      within(statementMs, query, cutIt)
        .finally(() => cuts.delete(cutIt))
        .then(
          (result) => callback(null, result),
          (error) => callback(error),
        );
    }) as MysqlPoolConnection['query'],
    release: () => connection.release(),
  };
}

function cut(connection: PoolConnection): void {
  connection.destroy();
  streamOf(connection).destroy();
}

function streamOf(connection: PoolConnection): { destroy(): void; once(event: 'close', tell: () => void): void } {
  return (connection as unknown as { stream: ReturnType<typeof streamOf> }).stream;
}
