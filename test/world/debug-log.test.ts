import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Entries } from '../../src/ports/entries.ts';
import type { Lease, Leases } from '../../src/ports/leases.ts';
import { openDebugLog } from '../../src/world/debug-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsend-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const open = (name: string) => openDebugLog(join(folder, name), () => 0);
const linesOf = (name: string) =>
  readFileSync(join(folder, name), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

describe('the file that WSEND_DEBUG names', () => {
  it('has each HTTP call with its status and time, and neither a number nor the secret of a webhook', async () => {
    const server = createServer((_, response) => response.writeHead(404).end('no')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const call = async (path: string) => {
      const request = get({ port, path, agent: false, headers: { Token: 'the-key' } }, (response) => response.resume());
      await new Promise<void>((resolve) => request.on('error', () => undefined).once('close', resolve));
    };
    const log = open('calls');
    for (const path of ['/chats/2290190000001@c.us', '/contacts?phone=%2B2290190000001', '/webhooks/wassenger/the-secret'])
      await call(path);
    server.close();
    await once(server, 'close');
    await call('/refused');
    log.close();
    await call('/not-watched-any-more');
    const lines = linesOf('calls');
    expect(lines.map(({ what, method, path, status }) => [what, method, path, status])).toEqual([
      ['call', 'GET', '/chats/2290*******01@c.us', 404],
      ['call', 'GET', '/contacts?phone=+229********01', 404],
      ['call', 'GET', '/webhooks/wassenger/***', 404],
      ['call', 'GET', '/refused', null],
    ]);
    expect(lines[3].error).toContain('ECONNREFUSED');
    for (const { at, ms } of lines) expect([at, ms >= 0]).toEqual(['1970-01-01T00:00:00.000Z', true]);
  });

  it('has each step of a checkpoint, also one that fails, and passes on what it came to', async () => {
    const opened = { fields: new Map(), server: 'one' };
    const entries = { open: async () => opened, write: () => Promise.reject(new Error('cut off from +2290190000001')) };
    const log = open('steps');
    const watched = log.entries(entries as unknown as Entries);
    expect(await watched.open('line:a', 7)).toBe(opened);
    await expect(watched.write(1, [{ name: 'line:a', epoch: 7, fields: { pacing: '{}' } }])).rejects.toThrow('cut off');
    log.close();
    expect(linesOf('steps')).toMatchObject([
      { what: 'checkpoint opened', name: 'line:a', epoch: 7 },
      { what: 'checkpoint step', step: 1, changed: { 'line:a': 1 }, error: 'cut off from +229********01' },
    ]);
  });

  it('has each event of a lease', async () => {
    const lease: Lease = { names: ['line:a'], epoch: 7, before: new Map(), prolong: async () => [], release: async () => undefined };
    const leases = { take: async () => ({ lease }), ask: async () => true } as unknown as Leases;
    const log = open('leases');
    const watched = log.leases(leases);
    const taken = await watched.take(['line:a'], {} as never, []);
    if (!('lease' in taken)) throw new Error('it was not taken');
    await taken.lease.prolong();
    await watched.ask('line:a', 'pause');
    await taken.lease.release();
    log.close();
    expect(linesOf('leases').map(({ what }) => what)).toEqual(['lease taken', 'lease prolonged', 'lease asked', 'lease given back']);
  });

  it('is readable by its owner alone, and refused where it cannot be', () => {
    open('mine').close();
    expect(statSync(join(folder, 'mine')).mode & 0o777).toBe(0o600);
    expect(() => open('nowhere/at/all')).toThrow(/cannot write the debug log .*: no such file or directory/);
  });
});
