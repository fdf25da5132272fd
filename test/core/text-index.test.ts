import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TextIndex } from '../../src/core/text-index.ts';

test('it finds the latest message of each person and text, and nothing else, whatever size it was made for', () => {
  const person = fc.integer({ min: 1_000_000, max: 1_000_020 }).map((n) => `+${n}`);
  const text = fc.constantFrom('', 'a', 'b', 'ab', 'ba', 'Hello', 'Hello ');
  fc.assert(
    fc.property(
      fc.array(fc.tuple(person, text, fc.integer({ min: -(2 ** 40), max: 2 ** 53 })), { maxLength: 300 }),
      fc.nat(300),
      (had, expected) => {
        const index = new TextIndex(expected);
        const model = new Map<string, number>();
        for (const [who, what, message] of had) {
          index.add(who, what, message);
          model.set(`${who} ${what}`, message);
        }
        expect(index.size).toBe(model.size);
        for (const who of ['+1000000', '+1000007', '+999999999999999', ...had.map(([one]) => one)])
          for (const what of ['', 'a', 'b', 'ab', 'ba', 'Hello', 'Hello '])
            expect(index.find(who, what)).toBe(model.get(`${who} ${what}`) ?? null);
      },
    ),
  );
});

test('of a hundred thousand people with one text, and of one person with as many texts, none is taken for another', () => {
  const index = new TextIndex(10);
  for (let i = 0; i < 100_000; i++) {
    index.add(`+${5_511_900_000_000 + i}`, 'Hello', i);
    index.add('+22901', `Hello ${i}`, -i);
  }
  expect(index.size).toBe(200_000);
  for (let i = 0; i < 100_000; i += 997)
    expect([index.find(`+${5_511_900_000_000 + i}`, 'Hello'), index.find('+22901', `Hello ${i}`)]).toEqual([i, -i]);
  expect(index.find('+5511800000000', 'Hello')).toBeNull();
});
