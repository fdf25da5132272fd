import { createHash } from 'node:crypto';
import { type Deadlines, within } from './deadline.ts';
import { postgresConfig } from './postgres.ts';
import type { Holder, LockSession } from './session-lock.ts';

/** What a lock session is opened for. `who` is how others see it. */
export interface LockSessionOptions {
  address: URL;
  deadlines: Deadlines;
  who: string;
  /** What makes the name of each lock. */
  campaign: string;
  line: string;
}

/**
 * Advisory locks of one transaction that stays open (and reads nothing, so that it holds up no vacuum): unlike those of a session they are
 * safe behind a pooler that hands a connection to somebody else between transactions. Advisory locks are apart for each database already.
 */
export async function postgresSession({ address, deadlines, who, campaign, line }: LockSessionOptions): Promise<LockSession> {
  const { default: pg } = await import('pg');
  const named = new URL(address);
  named.searchParams.set('application_name', who);
  const client = new pg.Client(postgresConfig(named, deadlines));
  client.on('error', () => undefined);
  await client.connect();
  const cut = () => (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  const ask = async (text: string, values: unknown[] = []) =>
    (await within(deadlines.connectMs, client.query(text, values), cut)).rows as Record<string, unknown>[];
  const keys = { campaign: keyOf(`wsend campaign ${campaign}`), line: keyOf(`wsend line ${line}`) };

  const holderOf = async (what: Holder['what']): Promise<Holder | null> => {
    const [row] = await ask(HOLDER, [keys[what]]);
    if (row === undefined) return null;
    const silentMs = row.silent_ms === null ? null : Number(row.silent_ms);
    return { what, connection: Number(row.pid), who: String(row.application_name ?? ''), silentMs };
  };
  return {
    connection: Number((await ask('select pg_backend_pid() as pid'))[0]?.pid),
    async take() {
      await ask('begin isolation level read committed read only');
      await ask(`select set_config(name, '0', true) from pg_settings where name in ${TIMEOUTS}`);
      const [got] = await ask('select pg_try_advisory_xact_lock($1) as campaign, pg_try_advisory_xact_lock($2) as line', [
        keys.campaign,
        keys.line,
      ]);
      if (got?.campaign === true && got.line === true) return null;
      await ask('rollback');
      const what = got?.campaign === true ? 'line' : 'campaign';
      return (await holderOf(what)) ?? { what, connection: 0, who: '', silentMs: null };
    },
    beat: async () => void (await ask('select 1')),
    end: async (connection) => void (await ask('select pg_terminate_backend($1)', [connection])),
    onGone: (tell) => void client.once('end', tell),
    cut,
    async close() {
      await ask('rollback');
      await within(deadlines.closeMs, client.end(), cut);
    },
  };
}

/** What would end a transaction that stays open; servers know some of them. */
const TIMEOUTS = `('idle_in_transaction_session_timeout', 'transaction_timeout')`;

const HOLDER = `
  select a.pid, a.application_name, extract(epoch from clock_timestamp() - a.state_change) * 1000 as silent_ms
  from pg_locks l join pg_stat_activity a on a.pid = l.pid
  where l.locktype = 'advisory' and l.granted and l.objsubid = 1
    and l.database = (select oid from pg_database where datname = current_database())
    and (l.classid::bigint << 32 | l.objid::bigint) = $1::bigint`;

/** A 64-bit number for a name, as a text. */
function keyOf(name: string): string {
  return createHash('sha256').update(name).digest().readBigInt64BE().toString();
}
