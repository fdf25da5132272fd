import { request } from 'node:http';
import { expect, test } from 'vitest';
import { refuseStrangers, refuseStrangersOfPage } from '../../src/sandbox/guard.ts';
import { startSandbox } from '../../src/sandbox/sandbox-server.ts';
import { memorySandboxStore } from '../../src/sandbox/store.ts';

const PROGRAM = { remote: '127.0.0.1', host: '127.0.0.1:4010', origin: '', fetchSite: '' };
const OWN_PAGE = { ...PROGRAM, origin: 'http://127.0.0.1:4010', fetchSite: 'same-origin' };

test.each([
  ['a program of this machine', PROGRAM],
  ['the page itself', OWN_PAGE],
  ['the page under another name of this machine', { ...OWN_PAGE, host: 'localhost:4010', origin: 'http://localhost:4010' }],
  ['over IPv6', { ...PROGRAM, remote: '::1', host: '[::1]:4010' }],
  ['over IPv4 as IPv6 has it', { ...PROGRAM, remote: '::ffff:127.0.0.1' }],
  ['an address typed by a person', { ...PROGRAM, fetchSite: 'none' }],
])('%s is let in', (_, visitor) => {
  expect(refuseStrangers(visitor)).toBeNull();
  expect(refuseStrangersOfPage(visitor)).toBeNull();
});

test.each([
  ['another machine', { ...PROGRAM, remote: '192.168.1.7' }, true],
  ['nobody knows who', { ...PROGRAM, remote: '' }, true],
  ['a foreign name that leads here', { ...OWN_PAGE, host: 'evil.test:4010', origin: 'http://evil.test:4010' }, true],
  ['a name that only begins like ours', { ...PROGRAM, host: 'localhost.evil.test' }, true],
  ['no name at all', { ...PROGRAM, host: '' }, true],
  ['a page of another site', { ...OWN_PAGE, origin: 'https://evil.test', fetchSite: 'cross-site' }, false],
  ['a page of another port', { ...OWN_PAGE, origin: 'http://127.0.0.1:8080', fetchSite: 'same-site' }, false],
  ['a page without an origin', { ...OWN_PAGE, origin: 'null', fetchSite: '' }, false],
  ['a picture on another site', { ...PROGRAM, fetchSite: 'cross-site' }, false],
])('%s is refused', (_, visitor, evenThePage) => {
  expect(refuseStrangers(visitor)?.status).toBe(403);
  expect(refuseStrangersOfPage(visitor) !== null).toBe(evenThePage);
});

test('it stands before the page, before everything that people see and switch, and before the API', async () => {
  const at = await startSandbox({ port: 0, store: memorySandboxStore(), clock: { now: Date.now } });
  const status = (path: string, method = 'GET', other: object = { host: 'evil.test' }) =>
    new Promise((resolve, reject) => {
      const headers = { token: 'x', ...other };
      const asked = request(`${at.controlUrl}${path}`, { method, headers }, (answer) => resolve(answer.resume().statusCode));
      asked.on('error', reject).end(method === 'POST' ? '{}' : undefined);
    });
  for (const path of ['/', '/sandbox/chats', '/sandbox/messages', '/sandbox/stats', '/sandbox/faults'])
    expect(await status(path)).toBe(403);
  for (const path of ['/sandbox/reply', '/sandbox/read', '/sandbox/react', '/sandbox/faults']) expect(await status(path, 'POST')).toBe(403);
  for (const path of ['/v1/messages', '/v1/devices', '/v1/chat/x/messages', '/else']) expect(await status(path)).toBe(403);
  expect(await status('/v1/messages', 'POST')).toBe(403);
  expect(await status('/v1/messages', 'POST', { origin: 'http://evil.test' })).toBe(403);
  expect(await status('/v1/messages', 'GET', {})).toBe(200);
  expect(await status('/v1/messages', 'GET', { host: 'localhost:4010' })).toBe(200);
  expect((await fetch(`${at.controlUrl}/`)).headers.get('content-type')).toContain('text/html');
  expect((await fetch(`${at.controlUrl}/`, { method: 'POST' })).status).toBe(405);
  await at.close();
});
