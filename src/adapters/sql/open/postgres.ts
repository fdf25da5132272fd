import { type Dialect, PostgresDialect, type PostgresPoolClient } from 'kysely';
import type { ClientConfig, PoolClient } from 'pg';
import { wholeNumber } from '../tables/exact-ids.ts';
import { cutAll, type Deadlines, within } from './deadline.ts';

/**
 * Kysely's dialect for a PostgreSQL address, with a pool of two connections that are opened when needed and again after an outage.
 * `sslmode` means what it means to psql. Nothing connects yet. Throws on an address that `pg` cannot read.
 */
export async function postgresDialect(address: URL, deadlines: Deadlines): Promise<Dialect> {
  const { default: pg } = await import('pg');
  const config = postgresConfig(address, deadlines);
  // The pool would read the address only when it connects.
  new pg.Client(config);
  const pool = new pg.Pool({
    ...config,
    max: 2,
    application_name: 'wsend',
    types: { getTypeParser: (oid, format) => PARSERS[oid] ?? pg.types.getTypeParser(oid, format) },
  });
  pool.on('error', ignore);
  // Without a listener, a connection that breaks while in use would end the process; the statement that was under way reports it.
  const hanging = new Set<() => void>();
  pool.on('connect', (client) => {
    client.on('error', ignore);
    // One that is idle is told goodbye, and would wait for an answer for ever.
    const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
    const cut = () => stream.destroy();
    hanging.add(cut);
    client.once('end', () => hanging.delete(cut));
  });
  const ready = new WeakSet<PoolClient>();
  const connect = async () => {
    const client = await pool.connect();
    if (!ready.has(client)) await setUp(client, deadlines);
    ready.add(client);
    return bounded(client, deadlines, hanging);
  };
  const end = () =>
    within(deadlines.closeMs, pool.end())
      .catch(ignore)
      .then(() => cutAll(hanging));
  return new PostgresDialect({ pool: { connect, end } });
}

/** How to connect to this address. */
export function postgresConfig(address: URL, { connectMs }: Deadlines): ClientConfig {
  const url = new URL(address);
  url.protocol = 'postgres:';
  if (url.searchParams.has('sslmode') && !url.searchParams.has('uselibpqcompat')) url.searchParams.set('uselibpqcompat', 'true');
  return { connectionString: url.href, connectionTimeoutMillis: connectMs, keepAlive: true };
}

function ignore(): void {}

/** 64-bit integers as numbers where they are exact; times as the server's text, because only the reader knows that a time without zone is UTC. */
const PARSERS: Record<number, (text: string) => unknown> = { 20: wholeNumber, 1114: String, 1184: String };

/**
 * Times in a form that can be read, in UTC, and quotes as we write them, whatever the defaults of server, database and user. These three and no
 * more, by SET: a pooler in transaction mode (PgBouncer) refuses settings that come with the connection, keeps these for each of its clients,
 * and would hand any other on to the next user of the server's connection. What else is relied on, each transaction says for itself.
 */
export const SESSION = `set datestyle = 'ISO, MDY'; set timezone = 'UTC'; set standard_conforming_strings = on`;

async function setUp(client: PoolClient, { connectMs }: Deadlines): Promise<void> {
  try {
    await within(connectMs, client.query(SESSION));
  } catch (cause) {
    client.release(true);
    throw cause;
  }
}

/** A statement is cut after its deadline. Until its answer comes, what cuts it is among `cuts`. */
function bounded(client: PoolClient, { statementMs }: Deadlines, cuts: Set<() => void>): PostgresPoolClient {
  let hangs = false;
  return {
    query: ((text: string, values: unknown[]) => {
      const cut = () => {
        hangs = true;
        client.release(true);
      };
      if (hangs) return Promise.reject(new Error('Connection terminated'));
      cuts.add(cut);
      return within(statementMs, client.query(text, values), cut).finally(() => cuts.delete(cut));
    }) as PostgresPoolClient['query'],
    release: () => {
      if (!hangs) client.release();
    },
  };
}
