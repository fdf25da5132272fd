import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineAdvice } from '../../../src/adapters/wassenger/line-advice.ts';
import { KEY } from './sample.ts';

const PACE = { delayMs: 3_000, batchSize: 75, batchPauseMs: 30_000 };
const WELL = {
  connector: 'web',
  billing: { subscription: { product: 'io' } },
  settings: { deliverySpeed: 20, operativeHours: { enable: false, timezone: 'Africa/Porto-Novo' } },
};
const advice = (device: Record<string, unknown>) => lineAdvice(device, { pace: PACE, secret: KEY });

describe('what a device tells of itself', () => {
  it('is not said where all is well, nor where nothing is told', () => {
    for (const device of [WELL, {}, { settings: { deliverySpeed: 0 } }, { billing: {}, settings: null, connector: 'other' }])
      expect(advice(device)).toEqual([]);
  });

  it.each([
    ['a line of the official API', { connector: 'cloud' }, /official API.*24 h/, /QR code/],
    [
      'a plan without inbound events',
      { billing: { subscription: { product: 'gateway' } } },
      /plan of the device \(gateway\) reports no replies/,
      /io/,
    ],
    [
      'a delivery that is slower than the pace',
      { settings: { deliverySpeed: 5 } },
      /delivers 5 messages a minute and the pace is 17\.6/,
      /1000 messages take 3 h 20 min/,
    ],
    [
      'opening hours',
      { settings: { operativeHours: { enable: true, timezone: 'Africa/Porto-Novo' } } },
      /opening hours \(Africa\/Porto-Novo\)/,
      /Send inside them/,
    ],
  ])('%s is said, with what to do', (_, device, seen, next) => {
    expect(advice({ ...WELL, ...device })).toEqual([{ seen: expect.stringMatching(seen), next: expect.stringMatching(next) }]);
  });

  it('whatever it holds, the key is not shown', () => {
    const any = fc.oneof(fc.anything(), fc.constantFrom(KEY, `x${KEY}`, true));
    const record = fc.record({
      connector: any,
      billing: fc.record({ subscription: fc.record({ product: any }) }),
      settings: fc.record({ deliverySpeed: any, operativeHours: fc.record({ enable: any, timezone: any }) }),
    });
    fc.assert(
      fc.property(record, (device) => {
        expect(JSON.stringify(advice(device))).not.toContain(KEY);
      }),
    );
  });
});
