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

/** A hidden id, and its digits. */
const LID = '123456789012345';
const HIDDEN = `${LID}@lid`;

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
    ['from a hidden id with its number beside it', { from: '77@lid', fromNumber: undefined }, { phone: '+15550111', aliases: ['77@lid'] }],
    ['whose sender carries the digits of a hidden id', { from: HIDDEN, fromNumber: `+${LID}` }, { phone: '+15550111', aliases: [HIDDEN] }],
    ['from a hidden id alone', { from: HIDDEN, fromNumber: `+${LID}`, chat: { id: HIDDEN } }, { phone: null, aliases: [HIDDEN] }],
    ['from another device of theirs', { from: '15550111:12@s.whatsapp.net', fromNumber: undefined }, { phone: '+15550111' }],
    ['whose number is hidden', { chat: { id: '15550111@c.us', meta: { isPhoneHidden: true } } }, { phone: null, aliases: ['+15550111'] }],
    [
      'under the other true form of their number',
      { fromNumber: '+5215500000003', from: undefined, chat: { contact: { phone: '+525500000003' } } },
      { phone: '+525500000003' },
    ],
    ['that quotes us by wid', { quoted: { wid: '3EB0BB22', from: '15550100@c.us', kind: 'text' } }, { quoted: '3EB0BB22' }],
    ['that quotes us with the chat', { quoted: { wid: 'true_15550111@c.us_3EB0BB22' } }, { quoted: '3EB0BB22' }],
    ['that flows "in"', { flow: 'in' }, { text: 'STOP' }],
    ['that was edited', { editedAt: '2026-01-01T00:00:30.000Z' }, { edited: true, at: WRITTEN + 30_000 }],
    ['that replaces another', { id: '3EB0CC33', originalWid: '3EB0AA11' }, { edited: true, waId: '3EB0AA11' }],
    ['of a type that nobody knows, with words', { type: 'hologram' }, { text: 'STOP' }],
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
    ['that an agent noted in the chat', { scope: 'note', flow: undefined }, /line itself/],
    ['from the number of the line', { flow: undefined, from: '15550100@c.us', fromNumber: '+15550100' }, /line itself/],
  ])('a message %s is none', (_, data, reason) => {
    expect(reply(data)).toEqual({ kind: 'ignored', event: 'message:in:new', reason: expect.stringMatching(reason) });
  });

  test.each([
    ['without an id: it could not be told from its repetition', { id: 7 }, /no id/],
    ['from nobody', { fromNumber: '?', from: undefined, chat: undefined }, /from whom/],
    ['of a flow that is neither', { flow: 'sideways', fromNumber: undefined, from: undefined, chat: undefined }, /from whom/],
    ['of text without words', { body: undefined }, /no words .*text/],
    ['of a tapped button whose word is nowhere', { type: 'buttons_response', body: null }, /no words .*buttons_response/],
    ['of a type that nobody knows', { type: 'hologram', body: null }, /no words .*hologram/],
  ])('%s is not understood', (_, data, reason) => {
    expect(read({ ...REPLY, id: undefined, data: { ...REPLY.data, ...data } })).toEqual([
      { kind: 'strange', event: 'message:in:new', reason: expect.stringMatching(reason) },
    ]);
  });

  test('has the time of our own clock where it says none', () => {
    expect(read({ ...REPLY, created: undefined, data: { ...REPLY.data, timestamp: undefined, date: undefined } })).toMatchObject([
      { at: NOW },
    ]);
  });
});

describe('what was chosen', () => {
  test.each([
    ['a button, in the body', { type: 'buttons', body: 'STOP' }, ['STOP']],
    [
      'a button, by its title and its id',
      { type: 'buttons_response', body: null, title: 'Arrêter', selectedButtonId: 'STOP' },
      ['Arrêter', 'STOP'],
    ],
    [
      'a button, in its answer',
      { type: 'buttons', body: null, buttons: { title: 'Menu', response: { id: 'STOP', title: 'Arrêter' } } },
      ['STOP', 'Arrêter'],
    ],
    ['a button, with what it quotes', { type: 'button', body: null, quoted: { wid: '3EB0BB22', selectedId: 'STOP' } }, ['STOP']],
    [
      'a button of a template',
      { type: 'template_button_reply', body: null, templateButtonReply: { selectedId: 'STOP', selectedDisplayText: 'Stop it' } },
      ['STOP', 'Stop it'],
    ],
    ['a button of Cloud', { type: 'button', body: null, button: { payload: 'STOP', text: 'Arrêter' } }, ['STOP', 'Arrêter']],
    [
      'an interactive button',
      { type: 'interactive', body: null, interactive: { type: 'button_reply', button_reply: { id: 'b1', title: 'STOP' } } },
      ['b1', 'STOP'],
    ],
    [
      'a row of a list',
      { type: 'list_response', body: null, title: 'STOP', listResponse: { singleSelectReply: { selectedRowId: 'r3' } } },
      ['STOP', 'r3'],
    ],
    [
      'a row of a list, in its answer',
      { type: 'list', list: { title: 'Menu', response: { title: 'STOP', rowId: 'r3' } }, body: undefined },
      ['STOP', 'r3'],
    ],
  ])('%s is what the contact said', (_, data, words) => {
    const fact = reply(data);
    expect(fact).toMatchObject({ kind: 'reply', text: words[0] });
    expect(fact?.kind === 'reply' && [fact.text, ...(fact.choices ?? [])]).toEqual(words);
  });

  test('an order is a reply without words', () => {
    expect(reply({ type: 'order', body: null, order: { id: 'o1' } })).toMatchObject({ kind: 'reply', text: '' });
  });

  test('the title of a page that a text links to is not what the contact said', () => {
    expect(reply({ body: 'look: https://a.example', subtype: 'url', title: 'Stop' })).not.toHaveProperty('choices');
  });
});

describe('an edit', () => {
  test('is read as what the contact says now', () => {
    expect(read({ ...REPLY, event: 'message:update' })).toMatchObject([{ kind: 'reply', waId: '3EB0AA11', text: 'STOP', edited: true }]);
  });

  test.each([
    ['of a message of ours', { flow: 'outbound' }],
    ['that is a vote', { type: 'poll_vote', body: null }],
    ['without words', { body: undefined }],
  ])('%s is none', (_, data) => {
    expect(read({ ...REPLY, event: 'message:update', data: { ...REPLY.data, ack: undefined, ...data } })).toMatchObject([
      { kind: 'ignored' },
    ]);
  });
});

describe('the nested shape', () => {
  const nested = (message: object, more: object = {}) => ({
    id: 'evt_0001',
    event: 'message:in:new',
    createdAt: '2026-01-01T00:01:00.000Z',
    device: DEVICE,
    data: {
      message: {
        id: '3EB0AA11',
        chat: '15550111@c.us',
        from: '15550111',
        to: '15550100',
        fromMe: false,
        type: 'text',
        body: 'STOP',
        timestamp: WRITTEN / 1_000,
        ...message,
      },
      chat: { id: '65cc00000000000000000001', contact: { name: 'Afi', phone: '+15550111' }, status: 'active', assignedTo: null },
    },
    ...more,
  });

  test('of a reply is read whole', () => {
    expect(read(nested({}))).toEqual([
      { kind: 'reply', waId: '3EB0AA11', phone: '+15550111', text: 'STOP', at: WRITTEN, device: DEVICE, quoted: null },
    ]);
  });

  test('of what our own agent wrote is no reply', () => {
    expect(read(nested({ fromMe: true, from: '15550100', to: '15550111' }))).toMatchObject([{ kind: 'ignored' }]);
  });

  test('of a reply without words or an id is not understood, for the id of the event names no message', () => {
    expect(read(nested({ body: undefined }))).toMatchObject([{ kind: 'strange' }]);
    expect(read(nested({ id: undefined }))).toMatchObject([{ kind: 'strange' }]);
  });

  test('of an acknowledgement is known by the message in it', () => {
    const ack = { id: '3EB0BB22', fromMe: true, from: '15550100', to: '15550111', body: 'hi', ack: 'read' };
    expect(read(nested(ack, { event: 'message:out:ack' }))).toMatchObject([
      {
        kind: 'delivery',
        ids: { waId: '3EB0BB22', providerId: null },
        state: 'read',
        phone: '+15550111',
        at: WRITTEN + 60_000,
        device: DEVICE,
      },
    ]);
  });

  test('of a group is left out', () => {
    expect(read(nested({ chat: '120363@g.us' }))).toMatchObject([{ kind: 'ignored' }]);
  });
});

describe('what became of a message', () => {
  test('is known by the WhatsApp id in one shape, with the time of the event and that of the message', () => {
    expect(read(ACK)).toEqual([
      {
        kind: 'delivery',
        ids: { waId: '3EB0BB22', providerId: null },
        state: 'read',
        at: WRITTEN + 60_000,
        acceptedAt: WRITTEN,
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

  test.each(['pending', 'queued', 'processing'])('an ack of %j tells nothing', (ack) => {
    expect(read({ ...ACK, ack, data: { ...ACK.data, ack } })).toMatchObject([{ kind: 'ignored' }]);
  });

  test.each(['constructor', '', undefined, 7])('an ack of %j is not understood', (ack) => {
    expect(read({ ...ACK, ack, data: { ...ACK.data, ack } })).toMatchObject([
      { kind: 'strange', reason: expect.stringContaining('how far') },
    ]);
  });

  test.each(['message:out:ack', 'message:update'])('%s that carries only a delivery status is read by it', (event) => {
    const data = { ...ACK.data, ack: undefined, deliveryStatus: 'delivered' };
    expect(read({ ...ACK, event, ack: undefined, data })).toMatchObject([{ kind: 'delivery', state: 'delivered' }]);
  });

  test('tells what the provider calls the recipient', () => {
    const data = { ...ACK.data, to: HIDDEN, chat: { id: HIDDEN } };
    expect(read({ ...ACK, data })).toMatchObject([{ phone: '+15550111', aliases: [HIDDEN] }]);
  });

  test('that a contact wrote is no delivery of ours', () => {
    expect(read({ ...ACK, data: { ...ACK.data, flow: 'inbound' } })).toMatchObject([{ kind: 'ignored' }]);
  });

  test.each([
    ['message:out:sent', 'sent', null],
    ['message:out:delivered', 'delivered', null],
    ['message:out:read', 'read', null],
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

  test('without any id is not understood', () => {
    expect(read({ ...ACK, id: undefined, data: { ack: 'read' } })).toMatchObject([
      { kind: 'strange', reason: expect.stringContaining('which message') },
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

  test('carried on our own message is that of the contact', () => {
    const ours = { ...REACTION.data, ...ACK.data, type: 'text', from: '15550100@c.us', fromNumber: '+15550100', to: '15550111@c.us' };
    const on = (reaction: object) => read({ ...REACTION, id: 'evt_1', data: { ...ours, reactions: [reaction] } });
    expect(on({ reaction: '👍', from: '15550111@c.us', timestamp: WRITTEN / 1_000 })).toMatchObject([
      { kind: 'reaction', phone: '+15550111', emoji: '👍', target: '3EB0BB22' },
    ]);
    expect(on({ emoji: '👍' })).toMatchObject([{ kind: 'reaction', phone: '+15550111', target: '3EB0BB22' }]);
    expect(on({ emoji: '👍', fromMe: true })).toMatchObject([{ kind: 'ignored' }]);
    expect(on({ emoji: '👍', from: '15550100@c.us' })).toMatchObject([{ kind: 'ignored' }]);
  });

  test('of the line itself, or in a group, is ignored', () => {
    expect(read({ ...REACTION, data: { ...REACTION.data, flow: 'outbound' } })).toMatchObject([{ kind: 'ignored' }]);
    expect(read({ ...REACTION, data: { ...REACTION.data, chat: { id: '1@g.us' } } })).toMatchObject([{ kind: 'ignored' }]);
  });
});

test.each([
  'message:out:new',
  'message:out:retry',
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

test('what is no event is not understood, nor is an unknown event about what people write', () => {
  for (const body of [null, 7, 'x', true, undefined])
    expect(read(body)).toEqual([{ kind: 'strange', event: '', reason: 'it is no object' }]);
  expect(read([])).toEqual([]);
  expect(read({})).toEqual([{ kind: 'strange', event: '', reason: 'its name is unknown' }]);
  expect(read({ event: 'message:in:edited' })).toMatchObject([{ kind: 'strange' }]);
  expect(read({ event: 'message:out:pinned' })).toMatchObject([{ kind: 'ignored' }]);
  expect(read({ event: 'campaign:update' })).toMatchObject([{ kind: 'ignored' }]);
  expect(read({ event: 'message:in:new', data: 'x' })).toMatchObject([{ kind: 'strange' }]);
  expect(read([ACK, null, FAILED]).map(({ kind }) => kind)).toEqual(['delivery', 'strange', 'delivery']);
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
          if (fact.kind === 'ignored' || fact.kind === 'strange') {
            expect(fact.reason).not.toBe('');
            continue;
          }
          expect(Number.isInteger(fact.at) && fact.at > Date.UTC(2009, 0) - 1 && fact.at <= NOW + 86_400_000).toBe(true);
          expect(fact.phone ?? '+15550111').toMatch(/^\+[1-9]\d{6,14}$/);
          if (fact.kind !== 'delivery') expect(fact.phone ?? fact.aliases?.[0]).toMatch(/./);
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
