import { Redis } from 'ioredis';
import type { TcpProxy } from '../adapters/sql/tcp-proxy.ts';
import type { Outcome, Place, Sandbox } from '../cli/program.ts';
import type { TestDatabase } from '../support/databases.ts';
import type { RunningRedis } from '../support/servers.ts';
import type { Phase, Plan } from './plan.ts';

/** One program that ran, and the phase that it ran in; null for the undisturbed runs at the end. */
export interface Ran {
  args: string[];
  phase: Phase | null;
  outcome: Outcome;
  /** It had not ended long after its blow, and was killed for it. */
  hung: boolean;
}

/** A Message 1 row as the database has it. */
export interface Row {
  phone: string;
  status: string;
  providerId: string | null;
  error: string | null;
}

/** Counters, by name, of the database's campaign or of Redis. */
export type Counters = Record<string, number>;

/** `wsend status <id> --json`, and how many the sandbox had taken by then. */
export interface Snapshot {
  status: Record<string, unknown>;
  acceptedBefore: number;
  acceptedAfter: number;
  /** No program ran meanwhile. */
  still: boolean;
  /** The checkpoint was lost before it. */
  wiped: boolean;
}

/** Everything that a round left behind, for the invariants to be checked on. */
export interface Evidence {
  plan: Plan;
  ran: Ran[];
  snapshots: Snapshot[];
  accepted: { id: string; reference: string; phone: string; at: number; fails: boolean }[];
  rows: Row[];
  campaign: { status: string } & Record<'id' | 'sent' | 'success' | 'failed' | 'total', number>;
  /** What other programs read in Redis; null with the store in the database. */
  redis: Counters | null;
}

/** What a round stands on. */
export interface Scene {
  place: Place;
  sandbox: Sandbox;
  database: TestDatabase;
  redis: RunningRedis | null;
  /** What the runs reach a database server through; null where there is none. */
  proxy: TcpProxy | null;
}

/** The database, the sandbox and Redis as they are at the end. */
export async function collect({ sandbox, database, redis }: Scene): Promise<Omit<Evidence, 'plan' | 'ran' | 'snapshots'>> {
  const accepted = (await sandbox.accepted()) as unknown as { id: string; reference: string; phone: string; at: string; fails: boolean }[];
  const rows = await database.query(
    `select c.full_number as phone, m.status as status, m.whatsapp_message_id as provider_id, m.error_message as error
     from messages m join contacts c on c.id = m.contact_id where m.message_type = 'message_1' order by m.id`,
  );
  const [campaign = {}] = await database.query(
    'select id, status, sent_count as sent, success_count as success, failed_count as failed, total_recipients as total from campaigns',
  );
  const count = (name: string) => Number(campaign[name]);
  return {
    accepted: accepted.map((message) => ({ ...message, at: Date.parse(message.at) })),
    rows: rows.map(({ phone, status, provider_id, error }) => ({
      phone: `+${String(phone).replace('+', '')}`,
      status: String(status),
      providerId: provider_id === null ? null : String(provider_id),
      error: error === null ? null : String(error),
    })),
    campaign: {
      status: String(campaign.status),
      id: count('id'),
      sent: count('sent'),
      success: count('success'),
      failed: count('failed'),
      total: count('total'),
    },
    redis: redis === null ? null : await countersIn(redis.url, count('id')),
  };
}

/** Loses the checkpoint while no run is there. */
export async function wipe({ database, redis }: Scene): Promise<void> {
  if (redis !== null) return emptyRedis(redis);
  for (const table of ['wsend_entries', 'wsend_checkpoints']) await database.query(`delete from ${table}`).catch(() => undefined);
}

/** Empties Redis, locks and all. */
export async function emptyRedis({ url }: RunningRedis): Promise<void> {
  const client = new Redis(url);
  await client.flushall();
  client.disconnect();
}

/** Where a Redis keeps its files. */
export async function folderOf({ url }: RunningRedis): Promise<string> {
  const client = new Redis(url);
  const [, folder] = (await client.config('GET', 'dir')) as [string, string];
  client.disconnect();
  return folder;
}

async function countersIn(url: string, campaign: number): Promise<Counters> {
  const client = new Redis(url);
  const names = ['sent', 'failed'];
  const values = await client.mget(names.map((name) => `campaign:${campaign}:${name}`));
  client.disconnect();
  return Object.fromEntries(names.map((name, i) => [name, Number(values[i])]));
}
