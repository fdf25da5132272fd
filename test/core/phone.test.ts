import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskPhone, samePhone, toE164 } from '../../src/core/phone.ts';

describe('phone numbers', () => {
  it.each([
    ['+22901900001', '+22901900001'],
    ['22901900001', '+22901900001'],
    ['0022901900001', '+22901900001'],
    [' +229 01 90-00.01 ', '+22901900001'],
    ['+1 (555) 010-0123', '+15550100123'],
    ['0190000001', undefined],
    ['123456', undefined],
    ['+1234567890123456', undefined],
    ['+229x190000', undefined],
    ['', undefined],
  ])('%j is %j', (stored, expected) => {
    expect(toE164(stored)).toBe(expected);
  });

  it('a number with and without + is the same number', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[1-9]\d{6,14}$/), (digits) => {
        expect(samePhone(digits, `+${digits}`)).toBe(true);
        expect(samePhone(digits, `${digits.slice(0, -1)}${(Number(digits.at(-1)) + 1) % 10}`)).toBe(false);
      }),
    );
  });

  it('a masked number shows at most its first four and last two characters', () => {
    expect(maskPhone('+2290190000001')).toBe('+229********01');
    fc.assert(
      fc.property(fc.string(), (text) => maskPhone(text).length === text.length && maskPhone(text).replaceAll('*', '').length <= 6),
    );
  });
});
