import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  ASSUMED_ABSENT,
  doubtNote,
  LOOK_UP_FIRST,
  marksOf,
  noteText,
  readNote,
  retryNote,
  SKIPPED,
  SKIPPED_PREFIX,
  UNCONFIRMED,
} from '../../src/core/note.ts';

test.each([
  ['left out', SKIPPED, 'wsend: skipped: opted out', 'skipped'],
  ['in doubt', doubtNote('timeout'), 'wsend: in doubt: timeout', 'in_doubt'],
  ['waiting for a retry', retryNote('http:502'), 'wsend: to be tried again: http:502', 'other'],
  ['assumed not sent', ASSUMED_ABSENT, 'wsend: assumed not sent, on the word of the operator', 'other'],
  ['failed unconfirmed, and retried', LOOK_UP_FIRST, 'wsend: was unconfirmed, to be looked up before it is sent again', 'other'],
])('the note of a row that was %s is kept as it always was, and read back', (_, note, text, kind) => {
  expect(noteText(note)).toBe(text);
  expect(readNote(text)).toEqual({ kind, note });
  expect(marksOf(text)).toEqual({ marked: kind !== 'skipped', skipped: kind === 'skipped' });
});

test('whatever a note says, it is read back, and its row is either skipped or looked up first', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string().map(doubtNote), fc.string().map(retryNote)), (note) => {
      const text = noteText(note);
      expect(readNote(text)?.note).toBe(note);
      expect(marksOf(text)).toEqual({ marked: !text.startsWith(SKIPPED_PREFIX), skipped: text.startsWith(SKIPPED_PREFIX) });
    }),
  );
});

test.each([null, '', 'wsend', 'skipped: opted out', `${UNCONFIRMED}http:502: no answer`])('%j is no note of ours', (error) => {
  expect(readNote(error)).toBeNull();
  expect(marksOf(error)).toEqual({ marked: false, skipped: false });
});
