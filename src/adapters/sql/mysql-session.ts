import { createHash } from 'node:crypto';
import type { Connection } from 'mysql2';
import { within } from './deadline.ts';
import { mysqlConfig } from './mysql.ts';
import type { LockSessionOptions } from './postgres-session.ts';
import type { Holder, LockSession } from './session-lock.ts';

/** Longer names of locks are refused (https://dev.mysql.com/doc/refman/8.4/en/locking-functions.html). */
const LONGEST_NAME = 64;
/** Of the hash that stands for a checkpoint store: with the longest number of a connection, the name is not too long. */
const STORE_DIGITS = 24;
/** A connection that says nothing for so long is ended by the server, in seconds: its own default, whatever it was set to. */
const WAIT_TIMEOUT_SECONDS = 28_800;

const BEAT = `
  select is_used_lock(?) = connection_id() and is_used_lock(?) = connection_id() as ours, is_used_lock(?) is not null as pause`;

/** Who has a lock. */
export const HOLDER = `
  select id, concat('connection ', id, ' from ', host) as who, time from information_schema.processlist where id = is_used_lock(?)`;

/** The lock of a campaign, as its session names it. */
export const campaignName = (database: string | undefined, campaign: string) => nameOf(`wsend:${database}:campaign:${campaign}`);
/** The lock that asks its run to pause, for as long as somebody has it. */
export const pauseName = (database: string | undefined, campaign: string) => nameOf(`wsend:${database}:pause:${campaign}`);

/** Named locks of a connection that stays open. They belong to the whole server, so the database is part of their names. */
export async function mysqlSession({
  address,
  deadlines,
  who,
  campaign,
  line,
  otherLine,
  store,
}: LockSessionOptions): Promise<LockSession> {
  const { default: mysql } = await import('mysql2');
  const config = mysqlConfig(address, deadlines);
  const connection = mysql.createConnection({ ...config, connectAttributes: { program_name: who } });
  const { stream } = connection as unknown as { stream: { destroy(): void; once(event: 'close', tell: () => void): void } };
  connection.on('error', () => undefined);
  await connected(connection);
  const cut = () => {
    connection.destroy();
    stream.destroy();
  };
  const ask = (text: string, values: unknown[] = []) => within(deadlines.connectMs, query(connection, text, values), cut);
  const names = {
    campaign: campaignName(config.database, campaign),
    pause: pauseName(config.database, campaign),
    line: nameOf(`wsend:${config.database}:line:${line}`),
    otherLine: nameOf(`wsend:${config.database}:line:${otherLine}`),
  };
  // Nobody else has a lock with the number of our connection: whoever asks for it learns where our checkpoint is kept.
  const ours = createHash('sha256').update(`${config.database}:${store}`).digest('hex').slice(0, STORE_DIGITS);
  const storeName = (id: unknown) => `wsend:store:${ours}:${id}`;
  let taken = false;

  const holderOf = async (what: Holder['what']): Promise<Holder | null> => {
    const [row] = await ask(HOLDER, [names[what]]);
    return row === undefined ? null : { what, connection: Number(row.id), who: String(row.who), silentMs: Number(row.time) * 1_000 };
  };
  const giveBack = async () => {
    taken = false;
    await ask('do release_lock(?), release_lock(?)', [names.campaign, names.line]);
  };
  await ask('set session wait_timeout = ?', [WAIT_TIMEOUT_SECONDS]);
  const [own] = await ask('select connection_id() as id');
  await ask('do get_lock(?, 0)', [storeName(own?.id)]);
  return {
    connection: connection.threadId ?? 0,
    async take() {
      if (taken) return null;
      const [got] = await ask('select get_lock(?, 0) as campaign', [names.campaign]);
      if (got?.campaign !== 1) return (await holderOf('campaign')) ?? nobody('campaign');
      const [also] = await ask('select get_lock(?, 0) as line', [names.line]);
      taken = also?.line === 1;
      if (taken) return null;
      await ask('do release_lock(?)', [names.campaign]);
      return (await holderOf('line')) ?? nobody('line');
    },
    async rival() {
      const [held] = await ask('select is_used_lock(?) as id', [names.otherLine]);
      if (held?.id == null) return null;
      const [shared] = await ask('select is_used_lock(?) as id', [storeName(held.id)]);
      return shared?.id === held.id ? null : ((await holderOf('otherLine')) ?? nobody('otherLine'));
    },
    giveBack,
    async beat() {
      const [row] = await ask(BEAT, [names.campaign, names.line, names.pause]);
      if (row?.ours !== 1) throw new Error('the locks are not ours any more');
      return { pauseRequested: row.pause === 1 };
    },
    end: async (id) => void (await ask('kill ?', [id])),
    onGone: (tell) => stream.once('close', tell),
    cut,
    async close() {
      await giveBack();
      await within(deadlines.closeMs, new Promise<void>((resolve) => connection.end(() => resolve())), cut);
    },
  };
}

function connected(connection: Connection): Promise<void> {
  return new Promise((resolve, reject) => connection.connect((error) => (error ? reject(error) : resolve())));
}

function query(connection: Connection, text: string, values: unknown[]): Promise<Record<string, unknown>[]> {
  return new Promise((resolve, reject) =>
    connection.query(text, values, (error, rows) => (error ? reject(error) : resolve(rows as Record<string, unknown>[]))),
  );
}

function nobody(what: Holder['what']): Holder {
  return { what, connection: 0, who: '', silentMs: null };
}

/** The name as it is where it may be one, else one made of it. */
function nameOf(name: string): string {
  if (name.length <= LONGEST_NAME && /^[ -~]+$/.test(name)) return name;
  return `wsend:${createHash('sha256').update(name).digest('hex')}`.slice(0, LONGEST_NAME);
}
