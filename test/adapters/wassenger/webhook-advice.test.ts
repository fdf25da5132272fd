import { describe, expect, it } from 'vitest';
import { webhookAdvice } from '../../../src/adapters/wassenger/webhook-advice.ts';
import { DEVICE } from './sample.ts';

const SECRET = 'a-secret-that-nobody-guesses';
const URL = 'https://hooks.example.org';
const OURS = {
  id: 'x',
  url: `${URL}/webhooks/wassenger/${SECRET}`,
  status: 'active',
  events: ['message:in:new', 'message:out:ack', 'message:out:failed'],
};
const OTHER = { ...OURS, url: 'https://crm.example.org/hook/other-secret-of-others' };
const advice = (list: unknown, url: string | null = URL) => webhookAdvice(list, { url, secret: SECRET, device: DEVICE });

describe('the webhooks that the provider lists', () => {
  it.each([
    ['ours', [OTHER, OURS]],
    ['in an envelope', { data: [OURS] }],
    ['without what we look at', [{ url: OURS.url }]],
    ['with a slash', [{ ...OURS, url: `${OURS.url}/` }]],
    ['for this device', [{ ...OURS, device: DEVICE }]],
    ['for this device as an object', [{ ...OURS, device: { id: DEVICE } }]],
    ['with all events', [{ ...OURS, events: ['message:*'] }]],
    [
      'two that share the events',
      [
        { ...OURS, events: ['message:in:new'] },
        { ...OURS, events: ['message:out:*'] },
      ],
    ],
  ])('are well: %s', (_, list) => {
    expect(advice(list)).toEqual([]);
    expect(advice(list, null)).toEqual([]);
  });

  it.each([
    ['none at all', []],
    ['only those of others', [OTHER]],
    ['another secret', [{ ...OURS, url: `${URL}/webhooks/wassenger/another-secret` }]],
    ['another device', [{ ...OURS, device: '65aa0000000000000000ffff' }]],
  ])('are without ours: %s', (_, list) => {
    const [found, ...more] = advice(list) ?? [];
    expect(more).toEqual([]);
    expect(found?.seen).toContain(`calls no webhook at ${URL}/webhooks/wassenger/<WASSENGER_WEBHOOK_SECRET>`);
    expect(found?.next).toContain('message:in:new, message:out:failed, message:out:ack');
    expect(JSON.stringify(found)).not.toContain('ecret-');
  });

  it('have ours, which is called no more, or for other events', () => {
    expect(advice([{ ...OURS, status: 'failed' }])?.[0]?.seen).toMatch(/is failed: Wassenger no longer calls it$/);
    expect(advice([{ ...OURS, active: false }])?.[0]?.seen).toMatch(/is switched off/);
    expect(advice([{ ...OURS, events: ['message:out:sent', 'message:out:ack'] }])?.[0]?.seen).toMatch(
      /does not report message:in:new \(replies and STOP\), message:out:failed \(/,
    );
  });

  it.each([[undefined], [null], [{ message: 'forbidden' }], ['text']])('are not said anything of where there is no list: %o', (json) => {
    expect(advice(json)).toBeNull();
  });
});
