import fc from 'fast-check';
import { expect, test } from 'vitest';
import { classifyLine } from '../../../src/adapters/wassenger/line-state.ts';
import { DEVICE, KEY } from './sample.ts';

const reading = { now: 0, secret: KEY };
const DEVICE_RECORD = {
  id: DEVICE,
  alias: 'Reception',
  phone: '+22997000000',
  status: 'operative',
  session: { status: 'online' },
  queue: { status: 'active' },
};

function line(body: unknown, status = 200) {
  return classifyLine(
    { kind: 'answered', answer: { status, headers: {}, text: typeof body === 'string' ? body : JSON.stringify(body) } },
    reading,
  );
}

test('an operative device whose session is online is ready', () => {
  expect(line(DEVICE_RECORD)).toEqual({ kind: 'ready', name: 'Reception' });
  expect(line({ ...DEVICE_RECORD, session: undefined, queue: undefined })).toEqual({ kind: 'ready', name: 'Reception' });
  expect(line({ ...DEVICE_RECORD, session: 'online' })).toMatchObject({ kind: 'ready' });
  expect(line([DEVICE_RECORD])).toMatchObject({ kind: 'ready' });
});

test('a device tells how many messages wait in its queue, or it does not', () => {
  const told = (messages: unknown) => line({ ...DEVICE_RECORD, queue: { status: 'active', messages, scheduled: 9 } });
  expect([0, 17].map(told)).toEqual([0, 17].map((queued) => ({ kind: 'ready', name: 'Reception', queued })));
  for (const messages of [undefined, null, -1, 1.5, '17', Number.NaN, {}])
    expect(told(messages)).toEqual({ kind: 'ready', name: 'Reception' });
});

test('a paused queue takes messages and delivers none: it may go on', () => {
  const paused = { kind: 'waiting', reason: 'the queue of the device is paused', queuePaused: true };
  expect(line({ ...DEVICE_RECORD, queue: { status: 'pause', messages: 3 } })).toEqual(paused);
});

test('only what the device says of itself is its own word', () => {
  expect(line({ ...DEVICE_RECORD, status: 'unpaid' })).toMatchObject({ kind: 'barred', byDevice: true });
  expect(line({}, 404)).not.toHaveProperty('byDevice');
});

test('a line without a name goes by its number, masked', () => {
  expect(line({ ...DEVICE_RECORD, alias: undefined })).toEqual({ kind: 'ready', name: '+229******00' });
  expect(line({ ...DEVICE_RECORD, alias: '', phone: undefined })).toEqual({ kind: 'ready', name: DEVICE });
});

test.each(['banned', 'removed', 'disabled', 'unpaid', 'invalid'])('a device that is %s needs a person', (status) => {
  expect(line({ ...DEVICE_RECORD, status, session: { status: 'offline' } })).toMatchObject({ kind: 'barred', code: `device:${status}` });
});

test('a blocked session or a refusing queue needs a person', () => {
  expect(line({ ...DEVICE_RECORD, session: { status: 'blocked' } })).toMatchObject({ kind: 'barred', code: 'session:blocked' });
  for (const status of ['reject', 'freeze'])
    expect(line({ ...DEVICE_RECORD, queue: { status } })).toMatchObject({ kind: 'barred', code: `queue:${status}` });
});

test.each(['offline', 'timeout', 'timeout_sync', 'conflict', 'error', 'authorize', 'new', 'loading', 'offline:panel'])(
  'a session that is %s may come back',
  (status) => {
    expect(line({ ...DEVICE_RECORD, session: { status } })).toMatchObject({ kind: 'waiting', reason: expect.stringContaining(status) });
  },
);

test.each(['preload', 'pending', 'authorized', 'verified'])('a device that is %s may become ready', (status) => {
  expect(line({ ...DEVICE_RECORD, status })).toMatchObject({ kind: 'waiting' });
});

test('a refusal needs a person, an error does not', () => {
  for (const status of [301, 400, 401, 402, 403, 404]) expect(line({}, status)).toMatchObject({ kind: 'barred', code: `http:${status}` });
  expect(line({ errorCode: 'device:notfound' }, 404)).toMatchObject({ kind: 'barred', code: 'device:notfound' });
  for (const status of [408, 429, 500, 502, 503]) expect(line({}, status)).toMatchObject({ kind: 'unreachable' });
  for (const body of ['', '<html>', '{}', 'null', '{"status":17}']) expect(line(body)).toMatchObject({ kind: 'unreachable' });
  expect(classifyLine({ kind: 'lost', code: 'ECONNRESET', detail: '' }, reading)).toMatchObject({ kind: 'unreachable' });
});

test('whatever the answer holds, a state comes of it, without the key', () => {
  const record = fc.record({
    status: fc.anything(),
    session: fc.anything(),
    queue: fc.anything(),
    alias: fc.constantFrom(KEY, `x${KEY}`),
    phone: fc.anything(),
  });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        record.map((value) => JSON.stringify(value)),
        fc.string(),
      ),
      fc.integer({ min: 200, max: 599 }),
      (text, status) => {
        const state = line(text, status);
        expect(['ready', 'waiting', 'barred', 'unreachable']).toContain(state.kind);
        expect(JSON.stringify(state)).not.toContain(KEY);
      },
    ),
  );
});
