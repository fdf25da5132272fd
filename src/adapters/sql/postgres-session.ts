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
  /** The line as those lock it who send the other type of message. */
  otherLine: string;
  /** Where its checkpoint is kept. */
  store: string;
}

/**
 * Advisory locks of one transaction that stays open (and reads nothing, so that it holds up no vacuum): unlike those of a session they are
 * safe behind a pooler that hands a connection to somebody else between transactions. Advisory locks are apart for each database already.
 */
export async function postgresSession({ address, deadlines, who, store, ...wanted }: LockSessionOptions): Promise<LockSession> {
  const { default: pg } = await import('pg');
  const named = new URL(address);
  named.searchParams.set('application_name', who);
  const client = new pg.Client(postgresConfig(named, deadlines));
  client.on('error', () => undefined);
  await client.connect();
  const cut = () => (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  const ask = async (text: string, values: unknown[] = []) =>
    (await within(deadlines.connectMs, client.query(text, values), cut)).rows as Record<string, unknown>[];
  const keys = {
    campaign: campaignKey(wanted.campaign),
    line: keyOf(`wsend line ${wanted.line}`),
    otherLine: keyOf(`wsend line ${wanted.otherLine}`),
    store: keyOf(`wsend store ${store}`),
    pause: pauseKey(wanted.campaign),
  };
  let taken = false;

  const holderOf = async (what: Holder['what']): Promise<Holder | null> => {
    const [row] = await ask(HOLDER, [keys[what], keys.store]);
    if (row === undefined || (what === 'otherLine' && row.shares === true)) return null;
    const silentMs = row.silent_ms === null ? null : Number(row.silent_ms);
    return { what, connection: Number(row.pid), who: String(row.application_name ?? ''), silentMs };
  };
  const giveBack = async () => {
    taken = false;
    await ask('rollback');
  };
  return {
    connection: Number((await ask('select pg_backend_pid() as pid'))[0]?.pid),
    async take() {
      if (taken) return null;
      await ask('begin isolation level read committed read only');
      await ask(`select set_config(name, '0', true) from pg_settings where name in ${TIMEOUTS}`);
      const [got] = await ask(TAKE, [keys.campaign, keys.line, keys.store]);
      taken = got?.campaign === true && got.line === true;
      if (taken) return null;
      await giveBack();
      const what = got?.campaign === true ? 'line' : 'campaign';
      return (await holderOf(what)) ?? { what, connection: 0, who: '', silentMs: null };
    },
    rival: () => holderOf('otherLine'),
    giveBack,
    beat: async () => ({ pauseRequested: (await ask(IS_HELD, [keys.pause]))[0]?.held === true }),
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
export const TIMEOUTS = `('idle_in_transaction_session_timeout', 'transaction_timeout')`;

/** The lock that says where the checkpoint is kept is shared: everyone gets it. */
const TAKE = `
  select pg_try_advisory_xact_lock_shared($3) as store, pg_try_advisory_xact_lock($1) as campaign, pg_try_advisory_xact_lock($2) as line`;

const isLock = (alias: string, key: string) => `
  ${alias}.locktype = 'advisory' and ${alias}.granted and ${alias}.objsubid = 1
  and ${alias}.database = (select oid from pg_database where datname = current_database())
  and (${alias}.classid::bigint << 32 | ${alias}.objid::bigint) = ${key}::bigint`;

/** Who has the lock `$1`, and whether they share the store whose lock is `$2`. */
export const HOLDER = `
  select a.pid, a.application_name, extract(epoch from clock_timestamp() - a.state_change) * 1000 as silent_ms,
    exists (select 1 from pg_locks s where s.pid = l.pid and ${isLock('s', '$2')}) as shares
  from pg_locks l join pg_stat_activity a on a.pid = l.pid
  where ${isLock('l', '$1')}`;

const IS_HELD = `select exists (select 1 from pg_locks l where ${isLock('l', '$1')}) as held`;

/** The lock of a campaign, as its session names it. */
export const campaignKey = (campaign: string) => keyOf(`wsend campaign ${campaign}`);
/** The lock that asks its run to pause, for as long as somebody has it. */
export const pauseKey = (campaign: string) => keyOf(`wsend pause ${campaign}`);

/** A 64-bit number for a name, as a text. */
function keyOf(name: string): string {
  return createHash('sha256').update(name).digest().readBigInt64BE().toString();
}
