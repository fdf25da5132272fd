import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { referenceOf } from '../../src/core/reference.ts';

const BASIS = {
  campaign: 42,
  campaignCreatedAt: Date.UTC(2026, 0, 1),
  message: 17,
  phone: '+2290190000001',
  content: 'Hello',
  acceptedBefore: null,
};

describe('the reference of a message', () => {
  it('is the same each time it is computed from the same database, whatever fractions of a second that keeps', () => {
    expect(referenceOf(BASIS)).toMatch(/^wsend-42-17-[0-9a-z]{8}$/);
    expect(referenceOf({ ...BASIS, campaignCreatedAt: BASIS.campaignCreatedAt + 999 })).toBe(referenceOf(BASIS));
  });

  it('is another in a recreated database, for another number, another text, and for a retry after acceptance', () => {
    const others = [
      { ...BASIS, campaignCreatedAt: BASIS.campaignCreatedAt + 1_000 },
      { ...BASIS, campaignCreatedAt: null },
      { ...BASIS, phone: '+2290190000002' },
      { ...BASIS, content: 'Hello!' },
      { ...BASIS, acceptedBefore: '65bb00000000000000000009' },
    ];
    expect(new Set([BASIS, ...others].map(referenceOf)).size).toBe(6);
  });

  it('fits the provider: plain characters, under 64 of them', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.string(), (campaign, message, content) => {
        expect(referenceOf({ ...BASIS, campaign, message, content })).toMatch(/^[a-z0-9-]{1,64}$/);
      }),
    );
  });
});
