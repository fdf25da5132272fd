import { expect, test } from 'vitest';
import { errorJson, errorText } from '../../../src/adapters/terminal/error-text.ts';
import { CheckpointUnreachable, HeldElsewhere, UsageError } from '../../../src/errors.ts';

const plain = { color: false };

test('wrong use is one line, and what to do is the next', () => {
  const error = new UsageError('--delay 1 is too fast: 2 to 10 is allowed', 'wsend run --campaign 42 --delay 2');
  expect(errorText(error, plain)).toBe('wsend: --delay 1 is too fast: 2 to 10 is allowed\n  next: wsend run --campaign 42 --delay 2\n');
  expect(JSON.stringify(errorJson(error))).toBe(
    '{"type":"error","code":2,"message":"--delay 1 is too fast: 2 to 10 is allowed","next":"wsend run --campaign 42 --delay 2"}',
  );
});

test('all problems at once are a line each for a person, and one line for a script', () => {
  const error = new UsageError('2 problems:\n--delay 1: 2 to 10 is allowed\n--batch-size 0: at least 1');
  expect(errorText(error, plain)).toBe('wsend: 2 problems:\n  --delay 1: 2 to 10 is allowed\n  --batch-size 0: at least 1\n');
  expect(JSON.stringify(errorJson(error))).not.toContain('\n');
});

test('a stack is shown for a bug, and for anything else only when asked for', () => {
  const lost = new CheckpointUnreachable('Redis does not answer', undefined, new Error('connect ECONNREFUSED'));
  expect(errorText(lost, plain)).toBe('wsend: Redis does not answer\n');
  expect(errorText(lost, { color: false, debug: true })).toMatch(
    /^wsend: Redis does not answer\n {4}at [\s\S]*\n {2}caused by: connect ECONNREFUSED\n {4}at /,
  );
  expect(errorText(new TypeError('x is not a function'), plain)).toMatch(/^wsend: unexpected: x is not a function\n {4}at /);
});

test('the exit code is the code: 1 for a bug, 7 for a held campaign', () => {
  expect(errorJson(new TypeError('x'))).toEqual({ type: 'error', code: 1, message: 'x' });
  expect(errorJson(new HeldElsewhere('campaign 42 is run by process 7 on office'))).toMatchObject({ code: 7 });
});

test('neither form shows a password, a whole number or an escape sequence', () => {
  const error = new Error('redis://me:secret@host refused +22990123456\x1b[2J', { cause: new Error('postgres://me:secret@host') });
  const shown = errorText(error, { color: false, debug: true }) + JSON.stringify(errorJson(error));
  expect(shown).not.toMatch(/secret|0123456|u001b/);
  expect(shown).not.toContain('\x1b');
  expect(shown).toContain('redis://***@host refused +229******56');
});

test('what is thrown without being an error is still told', () => {
  expect(errorText('disk full', plain)).toBe('wsend: unexpected: disk full\n');
  expect(errorText(undefined, plain)).toBe('wsend: unexpected: undefined\n');
  expect(errorJson(new Error(''))).toEqual({ type: 'error', code: 1, message: 'Error' });
});

test('a circle of causes ends', () => {
  const error: Error & { cause?: unknown } = new Error('a');
  error.cause = error;
  expect(errorText(error, plain).split('caused by').length).toBeLessThan(6);
});

test('colour only on request', () => {
  const error = new UsageError('no', 'do');
  expect(errorText(error, { color: true })).toContain('\x1b[31mwsend:\x1b[39m no');
  expect(errorText(error, plain)).not.toContain('\x1b');
});
