import { afterEach, expect, test } from 'vitest';
import { listenForEvents } from '../sandbox/listener.ts';
import { events, Place, phones, QUICK } from './program.ts';

const PEOPLE = 12;
let place: Place;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await place.leave();
});

test('the sandbox answers a campaign as its contacts would, and a kill -9 loses nothing of what the webhook has yet to be told', async () => {
  place = new Place(QUICK);
  place.people(PEOPLE);
  let isUp = false;
  const listener = await listenForEvents(() => (isUp ? 200 : 503));
  closers.push(() => listener.close());
  const flags = ['--file', 'sandbox.db', '--webhook', listener.url];
  const contact = ['delivered=1', 'delivered-after=50', 'read=1', 'read-after=50', 'reply=1', 'reply-after=50-200', 'reply-text=Yes|STOP'];
  const sandbox = await place.sandboxWith(['--port', '0', ...flags, ...contact.flatMap((fault) => ['--fault', fault])]);
  const run = await place.run(['run', '--csv', 'people.csv', '--message', 'Hello {{ name }}', '--yes', '--json']);
  expect(events(run).at(-1)).toMatchObject({ type: 'summary', sent: PEOPLE });
  await expect.poll(() => listener.kinds().length).toBeGreaterThan(0);
  sandbox.process.kill('SIGKILL');

  isUp = true;
  const again = await place.sandboxWith(['--port', '0', ...flags]);
  const told = async () =>
    ((await (await fetch(`${again.control}/sandbox/stats`)).json()) as { webhook: { told: unknown; waiting: number } }).webhook;
  await expect
    .poll(told, { timeout: 20_000 })
    .toMatchObject({ told: { sent: PEOPLE, delivered: PEOPLE, read: PEOPLE, reply: PEOPLE }, waiting: 0 });
  // A call that was under way at the kill may be repeated: it has the same id.
  const replies = new Map(listener.facts.flatMap((fact) => (fact.kind === 'reply' ? [[fact.waId, fact.phone] as const] : [])));
  expect([...replies.values()].sort()).toEqual(phones(PEOPLE).sort());
  expect((await again.accepted()).length).toBe(PEOPLE);
});

test('a webhook that is no web address is refused, and the address is not shown, as it holds a secret', async () => {
  place = new Place();
  for (const address of ['127.0.0.1:8080/sekret', 'ftp://sekret', '']) {
    const { code, stderr } = await place.run(['sandbox', '--port', '0', '--webhook', address]);
    expect(code).toBe(2);
    expect(stderr).toContain('http://');
    expect(stderr).not.toContain('sekret');
  }
});
