import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { build } from 'rolldown';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { embeddedCheckpointStore } from '../../../src/adapters/sql/embedded-checkpoint.ts';
import { numberOf } from '../../../src/adapters/sql/embedded-checkpoint-held.ts';
import { openSqlite } from '../../../src/adapters/sql/sqlite.ts';
import { CheckpointUnreachable } from '../../../src/errors.ts';
import type { Change, CheckpointStore, Claim, Clock, Owner } from '../../../src/ports.ts';
import { type CheckpointPlace, checkpointStoreContract } from '../../contract/checkpoint-store.ts';

checkpointStoreContract('checkpoints in a SQLite file', async (): Promise<CheckpointPlace> => {
  const folder = mkdtempSync(join(tmpdir(), 'wsend-checkpoint-'));
  const file = openSqlite<Tables>(join(folder, 'wsend.db'));
  const clock = clockAt(Date.now());
  return {
    store: (type) => embeddedCheckpointStore(file, clock, type),
    async pass(ms) {
      clock.time += ms;
    },
    async setVersion(campaign, version, type) {
      await sql`update wsend_checkpoint set version = ${version} where campaign = ${numberOf(campaign, type)}`.execute(file);
    },
    async owners(campaign, type) {
      return (await file.selectFrom('wsend_checkpoint_owner').where('campaign', '=', numberOf(campaign, type)).select('token').execute())
        .length;
    },
    async close() {
      await file.destroy();
      rmSync(folder, { recursive: true });
    },
  };
});

describe('a SQLite file', () => {
  let folder: string;
  let path: string;
  let file: Kysely<Tables>;
  let store: CheckpointStore;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'wsend-checkpoint-'));
    path = join(folder, 'wsend.db');
    file = openSqlite<Tables>(path);
    store = embeddedCheckpointStore(file, clockAt(NOW));
  });
  afterEach(async () => {
    await file.destroy();
    rmSync(folder, { recursive: true });
  });

  async function started() {
    const answer = await store.acquire(1, 'line', OWNER, []);
    if (!('checkpoint' in answer)) throw new Error('held');
    await answer.checkpoint.begin(HEADER, { sent: 0, failed: 0 });
    return answer.checkpoint;
  }

  test('of several processes that start at the same moment, exactly one gets the campaign', async () => {
    await store.check();
    const script = await bundled(PROCESS);
    const children = Array.from({ length: 6 }, (_, i) => outputOf(script, [path, `process-${i}`]));
    const answers = await Promise.all(children);
    expect(answers.filter((answer) => answer === 'got it')).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'held')).toHaveLength(5);
  });

  test('another process sees a running campaign and asks it to pause', async () => {
    const checkpoint = await started();
    const elsewhere = openSqlite(path);
    const other = embeddedCheckpointStore(elsewhere, clockAt(NOW));
    expect((await other.view(1)).owner).toEqual(OWNER);
    expect(await other.requestPause(1)).toBe(true);
    await elsewhere.destroy();
    expect(await checkpoint.commit([], null)).toEqual({ pauseRequested: true, lineWanted: false });
  });

  test('what was committed is there after the process is gone', async () => {
    await (await started()).commit(claims(1, 300), null);
    await file.destroy();
    file = openSqlite<Tables>(path);
    store = embeddedCheckpointStore(file, clockAt(NOW));
    expect(await store.view(1)).toMatchObject({ claimed: 300, header: HEADER });
  });

  test('a full disk is said to be full, and nothing of the commit stays', async () => {
    const checkpoint = await started();
    await checkpoint.commit(claims(1, 10), null);
    await sql`pragma wal_checkpoint(truncate)`.execute(file);
    const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(file);
    await sql.raw(`pragma max_page_count = ${(rows[0]?.page_count ?? 0) + 1}`).execute(file);
    const changes = [...settlements(1, 10), ...claims(11, 2_000)];
    const error = await checkpoint.commit(changes, null).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CheckpointUnreachable);
    expect((error as Error).message).toBe(`no space left for the checkpoint in ${path}`);
    expect(await store.view(1)).toMatchObject({ claimed: 10, sent: 0 });
    await sql`pragma max_page_count = 1000000`.execute(file);
    await checkpoint.commit(changes, null);
    expect(await store.view(1)).toMatchObject({ claimed: 2_000, sent: 10 });
  });

  test('a file that another program keeps locked is said to be locked, and the commit works once it is free', async () => {
    const checkpoint = await started();
    await sql`pragma busy_timeout = 100`.execute(file);
    const elsewhere = openSqlite<Tables>(path);
    const blocking = elsewhere.transaction().execute(async (work) => {
      await sql`delete from wsend_checkpoint_line`.execute(work);
      const error = await checkpoint.commit(claims(1, 5), null).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(CheckpointUnreachable);
      expect((error as Error).message).toMatch(/is locked by another program$/);
    });
    await blocking;
    await checkpoint.commit(claims(1, 5), null);
    await elsewhere.destroy();
    await file.destroy();
    file = openSqlite<Tables>(path);
    expect((await embeddedCheckpointStore(file, clockAt(NOW)).view(1)).claimed).toBe(5);
  });

  test('a file that may not be written is said so, by doctor too', async () => {
    const checkpoint = await started();
    await sql`pragma query_only = on`.execute(file);
    await expect(checkpoint.commit(claims(1, 1), null)).rejects.toThrow(/cannot be written/);
    await expect(store.check()).rejects.toThrow(CheckpointUnreachable);
  });

  test('settled recipients leave nothing behind', async () => {
    const checkpoint = await started();
    await checkpoint.commit(claims(1, 500), null);
    await checkpoint.commit([...settlements(1, 500), { type: 'stored', messages: numbers(1, 500) }], null);
    expect(await file.selectFrom('wsend_checkpoint_recipient').select('message').execute()).toEqual([]);
    expect(await store.view(1)).toMatchObject({ sent: 500, unstored: { sent: 0, failed: 0 } });
  });
});

interface Tables {
  wsend_checkpoint_recipient: { campaign: number; message: number };
  wsend_checkpoint_owner: { campaign: number; token: string };
}

const NOW = 1_790_000_000_000;
const OWNER: Owner = { token: 't', host: 'h', machine: 'm', boot: 'b', namespace: 'n', pid: 1, startedAt: NOW, birth: '' };
const HEADER = { identity: 'a', sandbox: false, settings: {}, paused: null, finished: false };

function clockAt(time: number): Clock & { time: number } {
  const clock = { time, now: () => clock.time, sleep: async () => undefined, turn: async () => undefined };
  return clock;
}

function numbers(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

function claims(first: number, count: number): Change[] {
  return numbers(first, count).map((message) => {
    const claim: Claim = {
      message,
      reference: `wsend-1-${message}`,
      phone: '+22997000001',
      line: 'line',
      attempt: 1,
      at: NOW,
      owner: OWNER,
    };
    return { type: 'claim', claim };
  });
}

function settlements(first: number, count: number): Change[] {
  return numbers(first, count).map((message) => ({
    type: 'settle',
    result: { kind: 'sent', message, providerId: 'id', at: NOW, attempts: 1 },
  }));
}

/** Opens the file given to it, waits for the next full half second so that all start together, and asks for campaign 1. */
const PROCESS = `
  import { embeddedCheckpointStore } from './src/adapters/sql/embedded-checkpoint.ts';
  import { numberOf } from '../../../src/adapters/sql/embedded-checkpoint-held.ts';
import { openSqlite } from './src/adapters/sql/sqlite.ts';
  const [path, token] = process.argv.slice(2);
  const file = openSqlite(path);
  const store = embeddedCheckpointStore(file, { now: Date.now });
  await new Promise((resolve) => setTimeout(resolve, 500 - (Date.now() % 500)));
  const answer = await store.acquire(1, 'line', { token, pid: process.pid }, []);
  console.log('checkpoint' in answer ? 'got it' : 'held');
  await file.destroy();
`;

async function bundled(code: string): Promise<string> {
  const folder = join('node_modules', '.cache', 'wsend-test');
  mkdirSync(folder, { recursive: true });
  const input = join(folder, `acquire-${process.pid}.ts`);
  const outfile = join(folder, `acquire-${process.pid}.mjs`);
  writeFileSync(input, code.replaceAll("'./src/", `'${process.cwd()}/src/`));
  const external = /^(?!node:)[a-z@][^:]*$/;
  await build({ input, external, platform: 'node', output: { file: outfile, format: 'esm', codeSplitting: false } });
  return outfile;
}

function outputOf(script: string, args: string[]): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.once('close', () => resolve(output.trim()));
  });
}
