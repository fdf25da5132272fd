import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { build } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificate } from './certificate.ts';
import { answering, closing, http, MESSAGE, providerAt, tcpServer } from './support.ts';

const CREATED = http('201 Created', '{"id":"65bb00000000000000000009"}');
const LATE = { kind: 'unavailable', code: 'late', reason: expect.any(String) };

describe('a send whose time has not come', () => {
  test('is written when its slot opens, on a kept connection too, and tells the moment', async () => {
    const server = await answering([CREATED]);
    const provider = providerAt(server.url);
    for (let sent = 0; sent < 2; sent += 1) {
      let open!: (may: boolean) => void;
      const opens = new Promise<boolean>((resolve) => {
        open = resolve;
      });
      const starts: number[] = [];
      const sending = provider.send(MESSAGE, { opens, notAfter: Number.MAX_SAFE_INTEGER, onStart: (at) => starts.push(at) });
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect([starts, server.received().match(/POST/g)?.length ?? 0]).toEqual([[], sent]);
      const opened = Date.now();
      open(true);
      expect((await sending).kind).toBe('accepted');
      expect(starts[0]).toBeGreaterThanOrEqual(opened);
    }
    expect(server.received().match(/POST/g)).toHaveLength(2);
  });

  test('is not written at all when its slot does not open, and the next one goes out', async () => {
    const server = await answering([CREATED]);
    const provider = providerAt(server.url);
    const onStart = () => expect.unreachable();
    expect(await provider.send(MESSAGE, { opens: Promise.resolve(false), notAfter: Number.MAX_SAFE_INTEGER, onStart })).toEqual(LATE);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([server.connections(), server.received()]).toEqual([0, '']);
    expect((await provider.send(MESSAGE, { notAfter: Number.MAX_SAFE_INTEGER })).kind).toBe('accepted');
  });

  test('is not written when it opens too late', async () => {
    const server = await answering([CREATED]);
    let now = 1_000;
    const opens = new Promise<boolean>((resolve) => setTimeout(resolve, 20, true));
    const sending = providerAt(server.url, { now: () => now }).send(MESSAGE, { opens, notAfter: 1_500 });
    now = 1_501;
    expect(await sending).toEqual(LATE);
    expect(server.received()).toBe('');
  });
});

describe('a send whose time is over', () => {
  test('is not written on a new connection', async () => {
    const server = await answering([CREATED]);
    expect(await providerAt(server.url, { now: () => 2_000 }).send(MESSAGE, { notAfter: 1_999 })).toEqual(LATE);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.received()).toBe('');
  });

  test('is not written on a kept connection, and the next one goes out', async () => {
    const server = await answering([CREATED]);
    let now = 1_000;
    const provider = providerAt(server.url, { now: () => now });
    expect((await provider.send(MESSAGE, { notAfter: 1_500 })).kind).toBe('accepted');
    now = 1_501;
    expect(await provider.send(MESSAGE, { notAfter: 1_500 })).toEqual(LATE);
    expect((await provider.send(MESSAGE, { notAfter: 2_000 })).kind).toBe('accepted');
    expect(server.received().match(/POST/g)).toHaveLength(2);
  });

  test('is written when it is exactly in time', async () => {
    const server = await answering([CREATED]);
    expect((await providerAt(server.url, { now: () => 2_000 }).send(MESSAGE, { notAfter: 2_000 })).kind).toBe('accepted');
  });

  test('is not written when the time ran out while the connection was made', async () => {
    const server = await answering([CREATED]);
    let reads = 0;
    const sending = providerAt(server.url, { now: () => (server.connections() + reads++ > 0 ? 2_000 : 0) }).send(MESSAGE, {
      notAfter: 1_000,
    });
    expect(await sending).toEqual(LATE);
    expect(server.received()).toBe('');
  });
});

describe('a process that is suspended between the call and the writing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wsend-late-'));
  const program = join(folder, 'sender.mjs');
  const trusted = join(folder, 'cert.pem');
  const tls = certificate();
  beforeAll(async () => {
    writeFileSync(trusted, tls.cert);
    const input = join(import.meta.dirname, 'suspended-sender.ts');
    await build({ input, platform: 'node', output: { file: program, format: 'esm', codeSplitting: false } });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function sender(url: string): Promise<ChildProcess> {
    const child = fork(program, [url], { env: { ...process.env, NODE_EXTRA_CA_CERTS: trusted } });
    closing(() => void child.kill('SIGKILL'));
    await once(child, 'message');
    return child;
  }

  async function outcome(child: ChildProcess, order: { withinMs: number; stop: boolean }): Promise<unknown> {
    child.send(order);
    return (await once(child, 'message'))[0];
  }

  function resumeAfter(child: ChildProcess, ms: number): void {
    setTimeout(() => child.kill('SIGCONT'), ms);
  }

  test('sends nothing on a new connection once it wakes too late', async () => {
    const server = await answering([CREATED]);
    const child = await sender(server.url);
    resumeAfter(child, 900);
    expect(await outcome(child, { withinMs: 300, stop: true })).toEqual(LATE);
    expect(server.received()).toBe('');
  });

  test('sends nothing on a kept connection once it wakes too late', async () => {
    const server = await answering([CREATED]);
    const child = await sender(server.url);
    expect(await outcome(child, { withinMs: 5_000, stop: false })).toMatchObject({ kind: 'accepted' });
    resumeAfter(child, 900);
    expect(await outcome(child, { withinMs: 300, stop: true })).toEqual(LATE);
    expect(server.received().match(/POST/g)).toHaveLength(1);
    expect(server.connections()).toBe(1);
  });

  test('sends when it wakes in time', async () => {
    const server = await answering([CREATED]);
    const child = await sender(server.url);
    resumeAfter(child, 400);
    expect(await outcome(child, { withinMs: 60_000, stop: true })).toMatchObject({ kind: 'accepted' });
  });

  test.each([
    ['nothing once it wakes too late', 300, LATE, ''],
    ['when it wakes in time', 60_000, { kind: 'accepted', providerId: '65bb00000000000000000009', whatsappId: null }, 'POST'],
  ])('in the middle of a TLS handshake sends %s', async (_, withinMs, expected, written) => {
    let decrypted = '';
    const secure = createTlsServer(tls, (socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        decrypted += chunk.toString('latin1');
        socket.write(CREATED);
      });
    }).listen(0, '127.0.0.1');
    await once(secure, 'listening');
    closing(() => void secure.close());
    let suspend = () => {};
    const front = await tcpServer((socket) => {
      socket.once('data', (hello) => {
        suspend();
        const back = connect((secure.address() as AddressInfo).port, '127.0.0.1');
        back.on('error', () => {});
        back.write(hello);
        socket.pipe(back).pipe(socket);
      });
    });
    const child = await sender(front.url.replace('http:', 'https:'));
    suspend = () => {
      child.kill('SIGSTOP');
      resumeAfter(child, 900);
    };
    expect(await outcome(child, { withinMs, stop: false })).toEqual(expected);
    expect(decrypted.slice(0, 4)).toBe(written);
  });
});
