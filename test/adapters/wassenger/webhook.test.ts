import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readWebhook } from '../../../src/adapters/wassenger/webhook.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const DEVICE = '65aa00000000000000000001';
const WRITTEN = Date.UTC(2026, 0, 1);

const REPLY = {
  id: '3EB0AA11',
  object: 'message',
  event: 'message:in:new',
  created: WRITTEN / 1_000 + 60,
  device: { id: DEVICE, phone: '+15550100', alias: 'line 1', plan: 'io-business' },
  data: {
    id: '3EB0AA11',
    flow: 'inbound',
    type: 'text',
    status: 'active',
    ack: 'delivered',
    from: '15550111@c.us',
    fromNumber: '+15550111',
    to: '15550100@c.us',
    toNumber: '+15550100',
    date: '2026-01-01T00:00:00.000Z',
    timestamp: WRITTEN / 1_000,
    body: 'STOP',
    chat: { id: '15550111@c.us', contact: { phone: '+15550111' } },
  },
};
const ACK = {
  id: '3EB0BB22',
  object: 'message',
  event: 'message:out:ack',
  created: WRITTEN / 1_000 + 60,
  ack: 'read',
  device: { id: DEVICE },
  data: { id: '3EB0BB22', flow: 'outbound', ack: 'read', toNumber: '+15550111', body: 'hi', timestamp: WRITTEN / 1_000 },
};
const FAILED = {
  event: 'message:out:failed',
  date: '2026-01-01T00:01:00.000Z',
  entity: 'message',
  entityId: '65bb00000000000000000009',
  data: {
    id: '65bb00000000000000000009',
    phone: '+15550111',
    status: 'failed',
    deliveryStatus: 'failed',
    failureReason: 'number:notfound',
    failedAt: '2026-01-01T00:00:30.000Z',
    retry: { count: 25 },
    device: DEVICE,
    reference: 'wsend-1-2-abcdefgh',
  },
};

const read = (body: unknown) => readWebhook(body, NOW);
const reply = (data: object) => read({ ...REPLY, data: { ...REPLY.data, ...data } })[0];

describe('a reply', () => {
  test('is known by its id, number, text and the time the contact wrote it', () => {
    expect(read(REPLY)).toEqual([
      { kind: 'reply', waId: '3EB0AA11', phone: '+15550111', text: 'STOP', at: WRITTEN, device: DEVICE, quoted: null },
    ]);
  });

  test.each([
    ['without a flow', { flow: undefined }, { text: 'STOP' }],
    ['without a type', { type: undefined }, { text: 'STOP' }],
    ['a photograph without a caption', { type: 'image', body: null, media: { kind: 'image' } }, { text: '' }],
    ['a photograph with one', { type: 'image', body: undefined, media: { caption: 'me' } }, { text: 'me' }],
    ['a voice note', { type: 'ptt', body: undefined }, { text: '' }],
    ['with what it quotes', { quoted: { id: '3EB0BB22' } }, { quoted: '3EB0BB22' }],
    [
      'whose number stands in the chat id alone',
      { fromNumber: undefined, from: undefined, chat: { id: '15550111@c.us' } },
      { phone: '+15550111' },
    ],
    ['from a hidden id with its number beside it', { from: '77@lid', fromNumber: undefined }, { phone: '+15550111' }],
    ['with a number that has no +', { fromNumber: '15550111' }, { phone: '+15550111' }],
    ['with its time in a text', { timestamp: String(WRITTEN / 1_000) }, { at: WRITTEN }],
    ['with its time in milliseconds', { timestamp: WRITTEN }, { at: WRITTEN }],
    ['with a date alone', { timestamp: undefined }, { at: WRITTEN }],
    ['with a date that names no zone', { timestamp: undefined, date: '2026-01-01T00:00:00' }, { at: WRITTEN }],
    ['with a finer date', { date: '2026-01-01T00:00:00.250Z' }, { at: WRITTEN + 250 }],
    ['with a date of another second', { date: '2026-01-01T00:00:01.250Z' }, { at: WRITTEN }],
    ['with an absurd time', { timestamp: 9e15, date: 'yesterday' }, { at: WRITTEN + 60_000 }],
    ['with what no database holds', { body: 'a\0b\ud800c' }, { text: 'ab\ufffdc' }],
  ])('%s is one', (_, data, expected) => {
    expect(reply(data)).toMatchObject({ kind: 'reply', ...expected });
  });

  test.each([
    ['that the line itself wrote', { flow: 'outbound' }, /line itself/],
    ['from a group', { chat: { id: '120363@g.us' } }, /one person/],
    ['from a group, by its sender', { from: '120363@g.us', chat: undefined }, /one person/],
    ['from a group, by its type', { chat: { id: 'x', type: 'group' } }, /one person/],
    ['from a channel', { chat: { id: '120363@newsletter' } }, /one person/],
    ['that is a status', { from: 'status@broadcast' }, /one person/],
    ['that is a notice of the system', { type: 'notification' }, /no message/],
    ['that was deleted', { type: 'revoked' }, /no message/],
    ['without a number', { fromNumber: '?', from: '77@lid', chat: { id: '77@lid' } }, /number/],
  ])('a message %s is none', (_, data, reason) => {
    expect(reply(data)).toEqual({ kind: 'ignored', event: 'message:in:new', reason: expect.stringMatching(reason) });
  });

  test('without an id is ignored, as it could not be told from its repetition', () => {
    expect(read({ ...REPLY, id: undefined, data: { ...REPLY.data, id: 7 } })).toMatchObject([{ kind: 'ignored' }]);
  });

  test('has the time of our own clock where it says none', () => {
    expect(read({ ...REPLY, created: undefined, data: { ...REPLY.data, timestamp: undefined, date: undefined } })).toMatchObject([
      { at: NOW },
    ]);
  });
});

describe('what became of a message', () => {
  test('is known by the WhatsApp id in one shape, with the time of the event', () => {
    expect(read(ACK)).toEqual([
      {
        kind: 'delivery',
        ids: { waId: '3EB0BB22', providerId: null },
        state: 'read',
        at: WRITTEN + 60_000,
        failure: null,
        phone: '+15550111',
        reference: null,
        device: DEVICE,
      },
    ]);
  });

  test("is known by the provider's id in the other, with the reason of a failure", () => {
    expect(read([FAILED])).toEqual([
      {
        kind: 'delivery',
        ids: { waId: null, providerId: '65bb00000000000000000009' },
        state: 'failed',
        at: WRITTEN + 30_000,
        failure: { code: 'number:notfound', reason: 'accepted, then failed at the provider: number:notfound' },
        phone: '+15550111',
        reference: 'wsend-1-2-abcdefgh',
        device: DEVICE,
      },
    ]);
  });

  test.each([
    ['sent', 'sent'],
    ['delivered', 'delivered'],
    ['read', 'read'],
    ['readed', 'read'],
    ['played', 'read'],
    ['failed', 'failed'],
    ['error', 'failed'],
  ])('%s is %s', (ack, state) => {
    expect(read({ ...ACK, ack, data: { ...ACK.data, ack } })).toMatchObject([{ kind: 'delivery', state }]);
    expect(read({ ...ACK, ack, data: { ...ACK.data, ack: undefined } })).toMatchObject([{ kind: 'delivery', state }]);
  });

  test.each(['pending', 'constructor', '', undefined, 7])('an ack of %j tells nothing', (ack) => {
    expect(read({ ...ACK, ack, data: { ...ACK.data, ack } })).toMatchObject([
      { kind: 'ignored', reason: expect.stringContaining('how far') },
    ]);
  });

  test('that a contact wrote is no delivery of ours', () => {
    expect(read({ ...ACK, data: { ...ACK.data, flow: 'inbound' } })).toMatchObject([{ kind: 'ignored' }]);
  });

  test.each([
    ['message:out:sent', 'sent', null],
    ['message:out:failed', 'failed', 'message:failed'],
    ['message:out:expired', 'failed', 'message:expired'],
    ['message:out:removed', 'failed', 'message:removed'],
  ])('%s is %s', (event, state, code) => {
    const data = { ...FAILED.data, failureReason: undefined };
    expect(read([{ ...FAILED, event, data }])).toMatchObject([{ kind: 'delivery', state, failure: code === null ? null : { code } }]);
  });

  test('a reason shows no whole number and no markup', () => {
    const [fact] = read([{ ...FAILED, data: { ...FAILED.data, failureReason: '<b>+22997000017</b> is gone' } }]);
    expect(fact).toMatchObject({ failure: { code: 'message:failed', reason: expect.not.stringMatching(/22997000017|</) } });
  });

  test('is not known by the id of the event', () => {
    expect(read([{ ...FAILED, id: 'event-1' }])).toMatchObject([{ ids: { waId: null, providerId: FAILED.entityId } }]);
    expect(read({ ...ACK, data: { ack: 'read' } })).toMatchObject([{ ids: { waId: '3EB0BB22', providerId: null } }]);
  });

  test('without any id is ignored', () => {
    expect(read({ ...ACK, id: undefined, data: { ack: 'read' } })).toMatchObject([
      { kind: 'ignored', reason: expect.stringContaining('which message') },
    ]);
  });

  test('comes up to 25 at once, in order', () => {
    const ids = Array.from({ length: 25 }, (_, i) => i.toString(16).padStart(24, '0'));
    const facts = read(ids.map((id) => ({ ...FAILED, entityId: id, data: { ...FAILED.data, id } })));
    expect(facts.map((fact) => fact.kind === 'delivery' && fact.ids.providerId)).toEqual(ids);
  });
});

describe('a reaction', () => {
  const REACTION = { ...REPLY, event: 'message:reaction', data: { ...REPLY.data, type: 'reaction', body: undefined } };
  test.each([
    ['as a text', { reaction: '👍', reactionMessage: '3EB0BB22' }],
    ['as an object', { reaction: { emoji: '👍', messageId: '3EB0BB22' } }],
    ['as the last of a list', { reactions: [{ text: '😀' }, { text: '👍', message: '3EB0BB22' }] }],
    ['as a body', { body: '👍', quoted: { id: '3EB0BB22' } }],
  ])('given %s is one, and no reply', (_, data) => {
    const expected = {
      kind: 'reaction',
      waId: '3EB0AA11',
      phone: '+15550111',
      emoji: '👍',
      target: '3EB0BB22',
      at: WRITTEN,
      device: DEVICE,
    };
    for (const event of ['message:reaction', 'message:in:new']) {
      expect(read({ ...REACTION, event, data: { ...REACTION.data, ...data } })).toEqual([expected]);
    }
  });

  test('that was taken back has no emoji', () => {
    expect(read({ ...REACTION, data: { ...REACTION.data, reaction: '', body: 'x' } })).toMatchObject([{ kind: 'reaction', emoji: '' }]);
  });

  test('of the line itself, or in a group, is ignored', () => {
    expect(read({ ...REACTION, data: { ...REACTION.data, flow: 'outbound' } })).toMatchObject([{ kind: 'ignored' }]);
    expect(read({ ...REACTION, data: { ...REACTION.data, chat: { id: '1@g.us' } } })).toMatchObject([{ kind: 'ignored' }]);
  });
});

test.each([
  'message:out:new',
  'message:out:retry',
  'message:update',
  'number:session',
  'status:update',
  'device:status:update',
  'channel:in',
  'group:update',
  'chat:update',
  'contact:update',
])('%s is known and ignored', (event) => {
  expect(read({ ...REPLY, event })).toEqual([{ kind: 'ignored', event, reason: 'it is about something else' }]);
});

test('what is no event is ignored with a reason', () => {
  for (const body of [null, 7, 'x', true, undefined])
    expect(read(body)).toEqual([{ kind: 'ignored', event: '', reason: 'it is no object' }]);
  expect(read([])).toEqual([]);
  expect(read({})).toEqual([{ kind: 'ignored', event: '', reason: 'its name is unknown' }]);
  expect(read({ event: 'message:in:new', data: 'x' })).toMatchObject([{ kind: 'ignored' }]);
  expect(read([ACK, null, FAILED]).map(({ kind }) => kind)).toEqual(['delivery', 'ignored', 'delivery']);
});

test('whatever a body holds, each part of it is one well-formed fact', () => {
  const maybe = (...values: unknown[]) =>
    fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...values) }, { weight: 1, arbitrary: fc.anything() });
  const record = (fields: Record<string, fc.Arbitrary<unknown>>) => fc.record(fields, { requiredKeys: [] });
  const fields: Record<string, fc.Arbitrary<unknown>> = {
    id: maybe('3EB0AA11', '65bb00000000000000000009'),
    flow: maybe('inbound', 'outbound'),
    type: maybe('text', 'image', 'reaction'),
    ack: maybe('sent', 'read', 'pending'),
    from: maybe('15550111@c.us', '1@g.us', '77@lid'),
    fromNumber: maybe('+15550111'),
    chat: maybe({ id: '15550111@c.us' }, { id: '1@g.us' }),
    timestamp: maybe(WRITTEN / 1_000, -1, 0, 1e300),
    date: maybe('2026-01-01T00:00:00Z', '9999-99-99T99:99:99Z'),
    body: maybe('STOP', 'a\0\ud800'),
    media: maybe({ caption: 'x' }),
    reaction: maybe('👍', 'a\0\ud800', { emoji: '👍' }),
    reactions: maybe([{ emoji: '👍' }], [null]),
    quoted: maybe('3EB0', { id: '3EB0' }),
    failureReason: maybe('number:notfound', 'call +22997000017'),
    phone: maybe('+15550111'),
    failedAt: maybe('2026-01-01T00:00:00Z'),
  };
  const data = record(fields);
  const names = ['message:in:new', 'message:reaction', 'message:out:ack', 'message:out:sent', 'message:out:failed', 'chat:update'];
  const oddField = fc.constantFrom(...Object.entries(fields)).chain(([name, value]) => value.map((odd) => ({ [name]: odd })));
  const reaction = { ...REPLY, data: { ...REPLY.data, type: 'reaction', reaction: '👍' } };
  const nearlyWhole = fc
    .tuple(fc.constantFrom<{ data: object }>(REPLY, reaction, ACK, FAILED), fc.array(oddField, { maxLength: 3 }))
    .map(([one, odd]) => ({ ...one, data: Object.assign({ ...one.data }, ...odd) }));
  const kinds: string[] = [];
  const event = record({
    event: maybe(...names),
    id: maybe('3EB0AA11'),
    created: maybe(1767225600),
    device: maybe({ id: DEVICE }, DEVICE),
    data: fc.oneof(data, fc.anything()),
  });
  const clean = (text: string) => !/\0|\p{Cs}/u.test(text);
  fc.assert(
    fc.property(
      fc.oneof({ weight: 5, arbitrary: nearlyWhole }, event, fc.array(event, { maxLength: 25 }), fc.anything(), fc.jsonValue()),
      (body) => {
        const facts = read(body);
        kinds.push(...facts.map(({ kind }) => kind));
        expect(facts).toHaveLength(Array.isArray(body) ? body.length : 1);
        for (const fact of facts) {
          if (fact.kind === 'ignored') {
            expect(fact.reason).not.toBe('');
            continue;
          }
          expect(Number.isInteger(fact.at) && fact.at > Date.UTC(2009, 0) - 1 && fact.at <= NOW + 86_400_000).toBe(true);
          expect(fact.phone ?? '+15550111').toMatch(/^\+[1-9]\d{6,14}$/);
          if (fact.kind === 'delivery') {
            expect(fact.ids.waId ?? fact.ids.providerId).toMatch(/^.{1,255}$/su);
            expect(fact.failure !== null).toBe(fact.state === 'failed');
          } else {
            expect(fact.waId).toMatch(/^.{1,255}$/su);
            expect(clean(fact.kind === 'reply' ? fact.text : fact.emoji)).toBe(true);
          }
        }
      },
    ),
    { numRuns: 1_000 },
  );
  for (const kind of ['reply', 'reaction', 'delivery']) expect(kinds.filter((each) => each === kind).length, kind).toBeGreaterThan(20);
});
