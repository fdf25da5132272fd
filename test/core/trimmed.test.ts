import fc from 'fast-check';
import { expect, test } from 'vitest';
import { trimmed } from '../../src/core/trimmed.ts';

test.each([
  ['  Ama \n', 'Ama'],
  ['\u200bAma\u200b', 'Ama'],
  ['\u00a0Ama\u2007Koffi\u00a0', 'Ama\u2007Koffi'],
  ['\ufeff\u202aAma\u202c', 'Ama'],
  ['❤\ufe0f', '❤\ufe0f'],
  ['🏴󠁧󠁢󠁥󠁮󠁧󠁿 ', '🏴󠁧󠁢󠁥󠁮󠁧󠁿'],
  ['👩\u200d👧', '👩\u200d👧'],
  ['می\u200cخواهم', 'می\u200cخواهم'],
])('%j is %j without what nobody sees at its ends', (text, left) => {
  expect(trimmed(text)).toBe(left);
});

test.each(['', ' ', '\u200b', '\u200b \u200b', '\u3164', '\u2800\u2800', '\ufe0f', '\u2060', '\u00ad', '\u200e\u200f', '\0\u001b'])(
  '%j is empty: nothing in it can be seen',
  (text) => {
    expect(trimmed(text)).toBe('');
  },
);

test('trimmed twice is trimmed once, and nothing but the ends goes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(trimmed(trimmed(text))).toBe(trimmed(text));
      expect(text).toContain(trimmed(text));
      if (text.trim() === '') expect(trimmed(text)).toBe('');
    }),
  );
});

test('a long run of blanks in the middle takes no time', () => {
  const text = `a${' '.repeat(1_000_000)}b`;
  expect(trimmed(` ${text} `)).toBe(text);
});
