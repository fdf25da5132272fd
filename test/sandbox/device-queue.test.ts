import { expect, it } from 'vitest';
import { deviceQueue } from '../../src/sandbox/device-queue.ts';
import { type Faults, parseFaults } from '../../src/sandbox/faults.ts';
import { startSandbox } from '../../src/sandbox/sandbox-server.ts';
import { memorySandboxStore } from '../../src/sandbox/store.ts';
import type { TakenMessage } from '../../src/sandbox/taken-message.ts';
import { closing } from '../adapters/wassenger/support.ts';

const message = (id: string, at: number): TakenMessage => ({
  ...{ id, at, waId: id, reference: id, phone: '+22997000017', device: '', content: '', fails: false },
});

it('what waits leaves one by one at the speed of the device, and nothing is caught up on after a pause', () => {
  const queue = deviceQueue();
  for (const id of ['a', 'b', 'c', 'd']) queue.add(message(id, 1_000));
  const leave = (now: number, held = false) => queue.leave({ perMinute: 6, held }, now).map(({ message: { id }, at }) => [id, at]);
  expect(leave(1_000)).toEqual([['a', 1_000]]);
  expect(leave(10_999)).toEqual([]);
  expect(leave(21_000)).toEqual([
    ['b', 11_000],
    ['c', 21_000],
  ]);
  expect(leave(60_000, true)).toEqual([]);
  expect(leave(60_000)).toEqual([]);
  expect(queue.nextLeave({ perMinute: 6, held: false })).toBe(70_000);
  expect([queue.size(), queue.holds('d'), queue.holds('a')]).toEqual([1, true, false]);
  expect(leave(70_000)).toEqual([['d', 70_000]]);
});

async function sandbox(faults: Record<string, unknown>, webhook?: string) {
  const clock = { at: Date.UTC(2026, 0, 5), now: () => clock.at };
  const running = await startSandbox({ port: 0, store: memorySandboxStore(), clock, faults: parseFaults(faults) as Faults, webhook });
  closing(() => running.close());
  const ask = async (path: string, body?: unknown) => {
    const post = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const answer = await fetch(`${running.controlUrl}${path}`, { headers: { token: 'any-key' }, ...post });
    // biome-ignore lint/suspicious/noExplicitAny: whatever it answers is compared
    return answer.json() as Promise<any>;
  };
  const send = (reference: string) => ask('/v1/messages', { phone: '+22997000017', message: 'x', device: running.device, reference });
  const device = () => ask(`/v1/devices/${running.device}`);
  const statuses = async () => (await ask('/v1/messages')).map((one: Record<string, unknown>) => one.deliveryStatus);
  return { clock, ask, send, device, statuses };
}

it('a paused queue takes messages, delivers none and tells how many wait; then it goes on', async () => {
  const { ask, send, device, statuses } = await sandbox({ line: 'queue-pause' });
  for (const reference of ['a', 'b']) expect(await send(reference)).toMatchObject({ status: 'queued' });
  expect((await device()).queue).toEqual({ status: 'pause', messages: 2, scheduled: 0 });
  expect(await statuses()).toEqual(['queued', 'queued']);
  await ask('/sandbox/faults', { line: 'online' });
  expect((await device()).queue).toEqual({ status: 'active', messages: 0, scheduled: 0 });
  expect(await statuses()).toEqual(['sent', 'sent']);
});

it('a device with a speed drains its queue at it', async () => {
  const { clock, send, device } = await sandbox({ deliverySpeed: '10' });
  for (const reference of ['a', 'b', 'c', 'd']) await send(reference);
  expect(await device()).toMatchObject({ queue: { messages: 3 }, settings: { deliverySpeed: 10 } });
  clock.at += 12_000;
  expect((await device()).queue.messages).toBe(1);
  clock.at += 6_000;
  expect((await device()).queue.messages).toBe(0);
});

it('the device tells plan, connector and opening hours, and the webhooks are listed, as they are set', async () => {
  const { ask, device } = await sandbox({ connector: 'cloud', openingHours: 'on', plan: 'gateway' }, 'http://127.0.0.1:9/webhooks/x');
  expect(await device()).toMatchObject({
    connector: 'cloud',
    settings: { operativeHours: { enable: true } },
    billing: { subscription: { product: 'gateway' } },
  });
  expect(await ask('/v1/webhooks')).toMatchObject([{ url: 'http://127.0.0.1:9/webhooks/x', status: 'active' }]);
  await ask('/sandbox/faults', { webhooks: 'few' });
  expect(await ask('/v1/webhooks')).toMatchObject([{ events: ['message:out:sent'] }]);
  await ask('/sandbox/faults', { webhooks: 'none' });
  expect(await ask('/v1/webhooks')).toEqual([]);
  await ask('/sandbox/faults', { webhooks: 'hidden' });
  expect(await ask('/v1/webhooks')).toMatchObject({ status: 404 });
});

it('how often a delivery is tried is told in the answer, and refused where it is no such number', async () => {
  const { ask } = await sandbox({});
  const send = (retries: unknown) => ask('/v1/messages', { phone: '+22997000017', message: 'x', reference: 'r', retries });
  expect(await send(3)).toMatchObject({ retry: { max: 3 } });
  for (const retries of [-1, 101, 1.5, '3']) expect(await send(retries)).toMatchObject({ status: 400 });
});
