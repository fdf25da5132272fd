import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clockTime, countdown, iso, roughly, stamp } from '../../../src/adapters/terminal/clock-time.ts';
import {
  cells,
  count,
  counted,
  cut,
  jsonLine,
  oneLine,
  pad,
  plainLines,
  redact,
  seconds,
} from '../../../src/adapters/terminal/terminal-text.ts';
import { anyText, NOON } from './support.ts';

test.each([
  ['abc', 3],
  ['学校', 4],
  ['ｱ', 1],
  ['한국', 4],
  ['e\u0301', 1],
  ['\x1b[31mred\x1b[39m', 3],
  ['👍', 2],
  ['a\u200bb', 2],
  ['█░⠋×…–', 6],
])('%j takes %i cells', (text, width) => {
  expect(cells(text)).toBe(width);
});

test('text from outside becomes one line without control characters, escape sequences or turned writing direction', () => {
  expect(oneLine(' a\r\n\tb\x1b[2J\x1b]0;title\x07 \u202ec\u2028d ')).toBe('a b c d');
  fc.assert(
    fc.property(anyText, (text) => {
      expect(oneLine(text)).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e]/u);
    }),
  );
});

test('a text that is cut fits, and one that fits is not cut', () => {
  expect(cut('学校へ', 5)).toBe('学校…');
  expect(cut('school', 6)).toBe('school');
  fc.assert(
    fc.property(anyText, fc.nat(20), (text, width) => {
      expect(cells(cut(oneLine(text), width))).toBeLessThanOrEqual(width);
    }),
  );
});

test('columns line up whatever is in them', () => {
  expect(`${pad('学校', 6)}|`).toBe('学校  |');
  expect(`${pad('7', 3, 'left')}|`).toBe('  7|');
});

test('counts and settings read as people write them', () => {
  expect([count(0), count(1000), count(10_000), count(1_000_000)]).toEqual(['0', '1000', '10,000', '1,000,000']);
  expect([counted(1, 'recipient'), counted(0, 'recipient')]).toEqual(['1 recipient', '0 recipients']);
  expect([seconds(3_000), seconds(4_500), seconds(20), seconds(0)]).toEqual(['3 s', '4.5 s', '0.02 s', '0 s']);
});

test('a time of today is a time, another has its date, another year has its year', () => {
  expect(clockTime(NOON, NOON)).toBe('12:04');
  expect(clockTime(new Date(2026, 2, 11, 0, 10).getTime(), NOON)).toBe('Wed 11 Mar 00:10');
  expect(clockTime(new Date(2027, 0, 1, 9, 5).getTime(), NOON)).toBe('Fri 1 Jan 2027 09:05');
  expect(clockTime(Number.NaN, NOON)).toBe('unknown');
  expect(stamp(NOON)).toBe('12:04:31');
  expect([iso(0), iso(Number.POSITIVE_INFINITY)]).toEqual(['1970-01-01T00:00:00.000Z', null]);
});

test('a countdown reaches 0:00 when it is over and not before', () => {
  expect([-1, 0, 1, 1_000, 23_000, 59_001, 3_600_000, 6_200_000].map(countdown)).toEqual([
    '0:00',
    '0:00',
    '0:01',
    '0:01',
    '0:23',
    '1:00',
    '1:00:00',
    '1:43:20',
  ]);
  expect(countdown(34 * 86_400_000 + 17 * 3_600_000)).toBe('34 d 17 h');
  expect([0, 39_500, 2_600_000, 6_200_000, 200 * 3_600_000].map(roughly)).toEqual(['0 s', '40 s', '43 min', '1 h 43 min', '8 d 8 h']);
});

test('what may be logged has no password, token or whole number in it', () => {
  expect(redact('redis://me:s3cret@host:6379/1 and postgres://me:p@ss@host/db')).toBe('redis://***@host:6379/1 and postgres://***@host/db');
  expect(redact('GET https://host/v1?token=abc&x=1')).toBe('GET https://host/v1?token=***&x=1');
  expect(redact('for +22990123456.')).toBe('for +229******56.');
});

test.each([
  ['plain\n\ttext', 'plain\n\ttext'],
  ['\u001b]0;title\u0007a\u001b[31mb\u001b[2J', 'ab'],
  ['\u009b2Ja\u0085b\u007f', 'ab'],
  ['a\rb\r\nc', 'ab\nc'],
  ['\u202eabc\u2066d', 'abcd'],
  ['محمد\u200f 👩\u200d👧', 'محمد\u200f 👩\u200d👧'],
  ['a\u001bb\u0000', 'ab'],
])('%j reaches a terminal as %j', (text, plain) => {
  expect(plainLines(text)).toBe(plain);
});

test('whatever a text holds, no line of it can drive a terminal, and its JSON is the same value', () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
  const drives = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
  const piece = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\u001b[', '\u009b', '\u001b]', '\u0007', '2J', '\u202e', '\r'));
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join('');
      expect(plainLines(text)).not.toMatch(drives);
      expect(jsonLine(text, true)).not.toMatch(drives);
      expect(JSON.parse(jsonLine(text, true))).toBe(text);
      expect(jsonLine(text, false)).toBe(`${JSON.stringify(text)}\n`);
    }),
  );
});
