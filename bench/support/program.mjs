import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DatabaseSync } from '@photostructure/sqlite';

/** The built program; WSEND_BIN names another build of it, to compare two. */
export const BIN = process.env.WSEND_BIN ?? fileURLToPath(new URL('../../bin/wsend.js', import.meta.url));

/** What every peer sends. */
export const ACCOUNT = { token: 'k'.repeat(40), device: '65aa00000000000000000001' };

// Every folder and server registers its own removal.
process.setMaxListeners(0);

/** A folder of its own for programs to run in. */
export function makeFolder() {
  const path = mkdtempSync(join(tmpdir(), 'wsend-bench-'));
  const remove = () => rmSync(path, { recursive: true, force: true });
  process.once('exit', remove);
  return { path, remove };
}

/** Starts `node <args>` in `folder` with these settings alone, whatever the environment holds. */
export function start(args, { folder, env = {}, stdio = ['ignore', 'ignore', 'inherit'] }) {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, args, { cwd: folder, env: { PATH, HOME, ...env }, stdio });
  return { child, ended: once(child, 'close').then(([code, signal]) => ({ code, signal })) };
}

/** Runs `node <args>` to its end; an exit code other than the expected one is an error. */
export async function run(args, options, expected = 0) {
  const { code, signal } = await start(args, options).ended;
  if (code !== expected) throw new Error(`node ${args.join(' ')} ended with ${code ?? signal}`);
}

/** The settings that let wsend send to the local provider without pacing. */
export function settings(providerUrl, redisUrl) {
  return {
    WASSENGER_API_KEY: ACCOUNT.token,
    WASSENGER_DEVICE_ID: ACCOUNT.device,
    WASSENGER_BASE_URL: providerUrl,
    WASSENGER_MIN_DELAY_SECONDS: '0',
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
  };
}

/** Everyone in one batch without a pause, as fast as it goes. */
export const UNPACED = ['--delay', '0', '--batch-size', '100000', '--batch-pause', '0', '--yes', '--quiet'];

/** Makes a database with campaign 1 of `count` pending recipients in `folder`, to be copied with `placeDatabase`. */
export async function makeDatabase(folder, count) {
  await run([BIN, 'status', '--quiet'], { folder });
  const file = new DatabaseSync(join(folder, 'wsend.db'));
  file.exec(`
    pragma synchronous = off;
    begin;
    insert into campaigns (id, name, message_1, status, total_recipients) values (1, 'bench', 'as in each row', 'draft', ${count});
    with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count})
      insert into contacts (id, full_number) select i, '+2290' || (10000000 + i) from n;
    insert into messages (campaign_id, contact_id, message_type, content)
      select 1, id, 'message_1', 'Hello number ' || id || ', the summer term begins on Monday at eight.' from contacts order by id;
    commit;
    pragma wal_checkpoint(truncate)`);
  file.close();
}

/** Puts a fresh copy of a made database into another folder. */
export function placeDatabase(from, to) {
  copyFileSync(join(from, 'wsend.db'), join(to, 'wsend.db'));
}
