import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { createServer } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { certificate } from '../adapters/wassenger/certificate.ts';
import { connectProxy } from '../support/connect-proxy.ts';
import { standIn } from '../support/stand-in.ts';
import { Place, phones, QUICK } from './program.ts';

const RUN = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--yes'];

it('where only a proxy leads to the provider, everybody is sent to through it, and doctor names it', async () => {
  const tls = certificate('DNS:api.example.test');
  const account = await standIn();
  const { port } = new URL(account.env.WASSENGER_BASE_URL as string);
  const front = createServer(tls, (socket) => {
    const there = connect(Number(port), '127.0.0.1');
    socket.pipe(there).pipe(socket);
    for (const one of [socket, there]) one.on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(front, 'listening');
  const proxy = await connectProxy((front.address() as AddressInfo).port);
  const place = new Place({ ...QUICK, ...account.env, WASSENGER_BASE_URL: 'https://api.example.test/v1' });
  onTestFinished(async () => {
    await place.leave();
    proxy.close();
    front.close();
    await account.close();
  });
  place.people(12);
  place.write('ca.pem', tls.cert);
  const HTTPS_PROXY = proxy.url.replace('//', '//user:word@');
  const env = { HTTPS_PROXY, NODE_EXTRA_CA_CERTS: place.path('ca.pem') };

  const doctor = await place.run(['doctor'], env);
  expect(doctor.stdout).toContain(`api.example.test is reached through ${new URL(proxy.url).host} (HTTPS_PROXY)`);
  // The line, and how it is set up, are asked for by two clients.
  expect(proxy.asked.length).toBeGreaterThanOrEqual(2);
  const run = await place.run(RUN, env);
  expect(run.code, run.stderr).toBe(0);
  expect(account.phones().sort()).toEqual(phones(12));
  expect(new Set(proxy.asked.map(({ target }) => target))).toEqual(new Set(['api.example.test:443']));
  for (const said of [doctor, run]) expect(said.stdout + said.stderr).not.toContain('word');

  const socks = await place.run(['resume', '1', '--yes'], { ALL_PROXY: 'socks5://user:word@127.0.0.1:1080' });
  expect(socks.code).toBe(2);
  expect(socks.stderr).toMatch(/ALL_PROXY names a proxy of a kind that wsend does not know \(socks5:\/\/\); allowed: http:/);
});
