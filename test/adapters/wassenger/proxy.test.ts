import { expect, test } from 'vitest';
import { connectProxy } from '../../support/connect-proxy.ts';
import { closing, LATER, MESSAGE, providerAt, tcpServer } from './support.ts';

/** A server that drops every connection once something has come, and a proxy that leads to it. */
async function scene() {
  const server = await tcpServer((socket) => socket.once('data', () => socket.destroy()));
  const proxy = await connectProxy(Number(new URL(server.url).port));
  closing(() => proxy.close());
  return { server, proxy };
}

test.each([
  [407, 'wants another user name and password: it answers 407'],
  [502, 'opens no way to the server: it answers 502'],
  ['nothing', 'no connection within 0.3 s'],
] as const)('a proxy that answers %s: surely nothing was sent', async (answer, reason) => {
  const { server, proxy } = await scene();
  proxy.answer = answer;
  const url = `http://user:word@${new URL(proxy.url).host}`;
  for (const base of [server.url, server.url.replace('http:', 'https:')]) {
    const outcome = await providerAt(base, { proxy: url, timeoutMs: 300 }).send(MESSAGE, LATER);
    expect(outcome).toMatchObject({ kind: 'unavailable', reason: expect.stringContaining(reason) });
    expect(JSON.stringify(outcome)).not.toContain('word@');
  }
  expect(server.received()).toBe('');
  expect(proxy.asked).toHaveLength(2);
});

test('a proxy that is not there, or whose tunnel ends before TLS: surely nothing was sent', async () => {
  const { server, proxy } = await scene();
  const https = server.url.replace('http:', 'https:');
  expect((await providerAt(https, { proxy: proxy.url }).send(MESSAGE, LATER)).kind).toBe('unavailable');
  proxy.close();
  const gone = await providerAt(https, { proxy: proxy.url }).send(MESSAGE, LATER);
  expect(gone).toMatchObject({ kind: 'unavailable', code: 'ECONNREFUSED', reason: expect.stringContaining('the proxy 127.0.0.1:') });
});

test('a tunnel that ends once the request is in it: nobody knows', async () => {
  const { server, proxy } = await scene();
  expect((await providerAt(server.url, { proxy: proxy.url }).send(MESSAGE, LATER)).kind).toBe('unknown');
  expect(server.received()).toContain(MESSAGE.reference);
});

test('a tunnel is asked for by the name of the server, with the user in the address of the proxy, and is used again', async () => {
  const server = await tcpServer((socket) => socket.on('data', () => socket.write('HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n')));
  const { port } = new URL(server.url);
  const proxy = await connectProxy(Number(port));
  closing(() => proxy.close());
  const url = proxy.url.replace('//', '//me%40home:w%3Ard@');
  const provider = providerAt('http://api.example.test/v1', { proxy: url });
  for (let i = 0; i < 3; i += 1) expect((await provider.send(MESSAGE, LATER)).kind).toBe('barred');
  expect(proxy.asked).toEqual([{ target: 'api.example.test:80', user: `Basic ${Buffer.from('me@home:w:rd').toString('base64')}` }]);
  expect(server.connections()).toBe(1);
});
