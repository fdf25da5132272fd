import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  ASSUMED_ABSENT,
  doubtNote,
  LOOK_UP_FIRST,
  marksOf,
  noteText,
  readNote,
  recentNote,
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
  expect(marksOf(text)).toEqual({ marked: kind !== 'skipped', skipped: kind === 'skipped', setAside: false });
});

test.each([false, true])(
  'who had the same text lately is left out for good (in doubt: %s), also where the column cuts the note',
  (inDoubt) => {
    const text = noteText(recentNote({ at: Date.UTC(2026, 10, 20, 23), campaign: 12, inDoubt }));
    expect(text).toBe(`wsend: skipped: ${inDoubt ? 'may have had' : 'had'} this text on 2026-11-20 (campaign 12)`);
    for (const stored of [text, text.slice(0, 50)]) expect(marksOf(stored)).toEqual({ marked: false, skipped: true, setAside: true });
  },
);

test('whatever a note says, it is read back, and its row is either skipped or looked up first', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string().map(doubtNote), fc.string().map(retryNote)), (note) => {
      const text = noteText(note);
      expect(readNote(text)?.note).toBe(note);
      expect(marksOf(text)).toMatchObject({ marked: !text.startsWith(SKIPPED_PREFIX), skipped: text.startsWith(SKIPPED_PREFIX) });
    }),
  );
});

test.each([null, '', 'wsend', 'skipped: opted out', `${UNCONFIRMED}http:502: no answer`])('%j is no note of ours', (error) => {
  expect(readNote(error)).toBeNull();
  expect(marksOf(error)).toEqual({ marked: false, skipped: false, setAside: false });
});
