import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readCountry, readNumber } from '../../../src/adapters/csv/number.ts';
import { UsageError } from '../../../src/errors.ts';

const read = (cell: string, country?: string) => readNumber(cell, country === undefined ? undefined : readCountry(country));

describe('a number that is understood', () => {
  test.each([
    ['+2290190000001', undefined, '+2290190000001'],
    ['+229 01 90 00 00 01', 'FR', '+2290190000001'],
    ['00229 01 90 00 00 01', undefined, '+2290190000001'],
    ['0190000001', 'bj', '+2290190000001'],
    ['01-90-00-00-01', 'BJ', '+2290190000001'],
    ['2290190000001', 'BJ', '+2290190000001'],
    ["'+2290190000001", undefined, '+2290190000001'],
    ['="+2290190000001"', undefined, '+2290190000001'],
    ['\u202a+229\u00a001 90 00 00 01\u202c', undefined, '+2290190000001'],
    ['＋２２９０１９００００００１', undefined, '+2290190000001'],
    ['٠١٩٠٠٠٠٠٠١', 'BJ', '+2290190000001'],
    ['06.12.34.56.00', 'FR', '+33612345600'],
    ['612345678', 'FR', '+33612345678'],
    ['11 98765-4321', 'BR', '+5511987654321'],
    ['+55 11 98765-4321', undefined, '+5511987654321'],
    ['074012345', 'GA', '+24174012345'],
    ['33612345678', 'FR', '+33612345678'],
    ['+330612345678', undefined, '+33612345678'],
    ['(201) 555-0123', 'US', '+12015550123'],
    ['015123456789', 'DE', '+4915123456789'],
    ['3912345678', 'IT', '+393912345678'],
  ])('%j with country %s is %s', (cell, country, phone) => {
    expect(read(cell, country)).toMatchObject({ phone });
  });

  test('its calling code goes with it', () => {
    expect(read('+1 201 555 0123')).toEqual({ phone: '+12015550123', callingCode: '1' });
  });
});

test.each([
  ['+22990000001', undefined, '+2290190000001'],
  ['00229 90 00 00 01', 'FR', '+2290190000001'],
  ['90000001', 'BJ', '+2290190000001'],
  ['22990000001', 'BJ', '+2290190000001'],
  ['+22507080910', undefined, '+2250707080910'],
  ['07080910', 'CI', '+2250707080910'],
  ['+5215512345678', undefined, '+525512345678'],
])('%j with country %s, a form that its country has replaced, is %s today', (cell, country, phone) => {
  expect(read(cell, country)).toMatchObject({ phone, renumbered: true });
});

describe('a number that is refused with its reason', () => {
  test.each([
    ['', undefined, 'no phone number'],
    ["  '", undefined, 'no phone number'],
    ['n/a', undefined, 'not a phone number'],
    ['+1 800 FLOWERS', undefined, 'not a phone number'],
    ['0190000001', undefined, 'the number has no country code; write it with + and the code, or use --country'],
    ['2290190000001', undefined, 'has no country code'],
    ['2.2997E+11', 'BJ', 'shortened the number'],
    ['2,2997E+11', undefined, 'shortened the number'],
    ['+2290190000001.0', undefined, 'added decimals'],
    ['2290190000001,00', 'BJ', 'added decimals'],
    ['+229012', undefined, 'too short for Benin (+229)'],
    ['+22901900000012', undefined, 'too long for Benin (+229)'],
    ['+229 01 90 00 00 01 / 02', undefined, 'too long for Benin'],
    ['33612345678', 'BJ', 'too long for Benin (+229); one of another country needs its + and code'],
    ['+22990000001 ext 5', undefined, 'has an extension'],
    ['197000002', 'BJ', 'too short for Benin (+229); it fits with a 0 in front (after the country code), which spreadsheets drop'],
    ['+229197000002', undefined, 'it fits with a 0 in front'],
    ['229197000002', 'BJ', 'it fits with a 0 in front'],
    ['707000003', 'CI', 'too short for Côte d’Ivoire (+225); it fits with a 0 in front'],
    ['+225 707 000 003', undefined, 'it fits with a 0 in front'],
    ['66123456', 'CG', 'it fits with a 0 in front'],
    ['612345678', undefined, 'has no country code'],
    ['987654321', 'BR', 'the area code is missing; write it in front of the number (two digits, such as 11 in São Paulo)'],
    ['98765-4321', 'BR', 'the area code is missing'],
    ['3456-7890', 'BR', 'the area code is missing'],
    ['+55 98765-4321', undefined, 'the area code is missing'],
    ['12345678', 'MX', 'the area code is missing'],
    ['1234567', 'AR', 'the area code is missing'],
    ['5550123', 'US', 'the area code is missing'],
    ['+999123456789', undefined, 'no country has this country code'],
    ['+1', undefined, 'too short'],
    ['+33 6 12 34 56 78 ext 5', undefined, 'has an extension'],
    ['4915123456789', 'DE', 'it is not clear whether the number already begins with a country code'],
    ['2290197000000', 'DE', 'it is not clear whether the number already begins with a country code'],
    ['5551234567', 'US', 'not a number of United States (+1); write it with +'],
  ])('%j with country %s', (cell, country, reason) => {
    expect(read(cell, country)).toEqual({ problem: expect.stringContaining(reason) });
  });

  test('no reason ever names the digits of the number', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\+?[0-9 .,E+-]{5,25}$/), fc.constantFrom(undefined, 'BJ', 'DE', 'US'), (cell, country) => {
        const result = read(cell, country);
        if ('problem' in result) expect(result.problem).not.toMatch(/\d{5}/);
      }),
    );
  });
});

test('anything at all in a cell is a number in E.164 or a problem', () => {
  const cell = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^['+0]{0,3}[0-9 ().-]{0,20}$/),
    fc.stringMatching(/^(\+|00)(22901|336|4915)\d{4}[ .-]?\d{4,6}$/),
  );
  let numbers = 0;
  fc.assert(
    fc.property(cell, fc.constantFrom(undefined, 'BJ', 'FR', 'DE', 'US'), (text, country) => {
      const result = read(text, country);
      numbers += 'phone' in result ? 1 : 0;
      if ('problem' in result) expect(result.problem).not.toBe('');
      else expect(result.phone).toMatch(/^\+[1-9]\d{6,14}$/);
    }),
    { numRuns: 500 },
  );
  expect(numbers).toBeGreaterThan(30);
});

test('a number read once reads as itself again, with any country', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9_999_999 }), fc.constantFrom(undefined, 'BJ', 'FR', 'DE'), (n, country) => {
      const phone = `+229019${String(n).padStart(7, '0')}`;
      expect(read(phone, country)).toEqual({ phone, callingCode: '229' });
    }),
  );
});

test.each(['UK', '229', '+229', 'Benin', '', 'toString'])('--country %j is refused with an example', (flag) => {
  expect(() => readCountry(flag)).toThrow(UsageError);
  expect(() => readCountry(flag)).toThrow('two letters are allowed, such as BJ');
});
