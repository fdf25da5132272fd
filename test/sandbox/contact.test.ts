import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Planning, planContact } from '../../src/sandbox/contact.ts';
import { type FaultName, NO_FAULTS, parseFaults } from '../../src/sandbox/faults.ts';
import { stateOf } from '../../src/sandbox/message-state.ts';
import type { TakenMessage } from '../../src/sandbox/taken-message.ts';

const MESSAGE: TakenMessage = {
  id: '65bb00000000000000000009',
  waId: '3EB0BB22',
  reference: 'wsend-1-2-abcdefgh',
  phone: '+22997000017',
  device: '65aa00000000000000000001',
  content: 'Hello',
  at: 1_000_000,
  fails: false,
};

function planning(faults: Partial<Record<FaultName, string>>, hasWebhook = true): Planning {
  let ids = 0;
  return { faults: parseFaults(faults), hasWebhook, nextWaId: () => `wa${++ids}` };
}

const plan = (faults: Partial<Record<FaultName, string>>, message: Partial<TakenMessage> = {}, hasWebhook = true) =>
  planContact({ ...MESSAGE, ...message }, planning(faults, hasWebhook)).map(({ kind, at, text, calls }) => [
    kind,
    at - MESSAGE.at,
    text,
    calls,
  ]);

describe('what becomes of a message', () => {
  test('nothing but being sent, unless it is asked for', () => {
    expect(plan({})).toEqual([['sent', 0, '', 1]]);
    expect(plan({}, {}, false)).toEqual([]);
  });

  test('all that is asked for, oldest first', () => {
    const faults = {
      delivered: '1',
      deliveredAfter: '100',
      read: '1',
      readAfter: '50',
      reply: '1',
      replyAfter: '120',
      react: '1',
      reactAfter: '110',
    };
    expect(plan({ ...faults, replyText: 'No, thank you' })).toEqual([
      ['sent', 0, '', 1],
      ['delivered', 100, '', 1],
      ['reaction', 110, '👍', 1],
      ['reply', 120, 'No, thank you', 1],
      ['read', 150, '', 1],
    ]);
  });

  test('a failure and nothing else, where it fails', () => {
    expect(plan({ delivered: '1', reply: '1', failAfter: '300' }, { fails: true })).toEqual([['failed', 300, 'number:notfound', 1]]);
  });

  test('without a webhook it happens and nobody is told', () => {
    expect(plan({ reply: '1', eventRepeat: '1' }, {}, false)).toEqual([['reply', 2_000, 'Yes', 0]]);
  });

  test('an event that is repeated is told twice, and one that is late is told late', () => {
    const [event] = planContact(MESSAGE, planning({ eventRepeat: '1', eventLate: '1', eventLateBy: '700' }));
    expect(event).toMatchObject({ kind: 'sent', at: MESSAGE.at, calls: 2, callAt: MESSAGE.at + 700 });
  });

  test('a share of messages, with every one of several answers', () => {
    const faults = { delivered: '80%', read: '50%', reply: '30%', replyText: 'Yes|No|STOP' };
    const all = Array.from({ length: 2_000 }, (_, i) => plan(faults, { reference: `wsend-1-${i}-abcdefgh` }));
    const share = (kind: string) => all.filter((events) => events.some(([known]) => known === kind)).length / all.length;
    expect(share('delivered')).toBeCloseTo(0.8, 1);
    expect(share('read')).toBeCloseTo(0.4, 1);
    expect(share('reply')).toBeCloseTo(0.3, 1);
    expect(new Set(all.flat().flatMap(([kind, , text]) => (kind === 'reply' ? [text] : [])))).toEqual(new Set(['Yes', 'No', 'STOP']));
  });

  test('is the same for the same message and seed, has ids of its own, and no message is read before it is delivered', () => {
    const given = fc.record({
      delivered: share(),
      read: share(),
      reply: share(),
      react: share(),
      failLater: share(),
      eventRepeat: share(),
      eventLate: share(),
      seed: fc.nat(999),
    });
    fc.assert(
      fc.property(given, fc.string(), fc.boolean(), (shares, reference, fails) => {
        const faults = Object.fromEntries(Object.entries(shares).map(([name, value]) => [name, String(value)]));
        const message = { ...MESSAGE, reference, fails };
        const events = planContact(message, planning(faults));
        expect(planContact(message, planning(faults))).toEqual(events);
        expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
        const times = events.map(({ at }) => at);
        expect(times).toEqual([...times].sort((a, b) => a - b));
        const kinds = events.map(({ kind }) => kind);
        if (kinds.includes('read')) expect(kinds.indexOf('delivered')).toBeLessThan(kinds.indexOf('read'));
        expect(kinds.includes('failed')).toBe(fails);
        for (const { calls, callAt, at } of events) expect(calls >= 1 && calls <= 2 && callAt >= at).toBe(true);
      }),
    );
  });
});

function share() {
  return fc.constantFrom(0, 0.5, 1);
}

test('the state moves on with time, and an old file without plans still knows its failures', () => {
  const events = planContact(MESSAGE, planning({ delivered: '1', read: '1' }));
  const states = [0, 499, 500, 1_499, 1_500].map((after) => stateOf(MESSAGE, events, MESSAGE.at + after));
  expect(states).toEqual(['sent', 'sent', 'delivered', 'delivered', 'read']);
  const failing = { ...MESSAGE, fails: true };
  const failure = planContact(failing, planning({ failAfter: '300' }));
  expect([299, 300].map((after) => stateOf(failing, failure, MESSAGE.at + after))).toEqual(['queued', 'failed']);
  expect(stateOf(failing, [], MESSAGE.at)).toBe('failed');
  expect(NO_FAULTS.failAfter).toEqual({ min: 0, max: 0 });
});
