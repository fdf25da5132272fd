import { PassThrough, Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { safeOutput } from '../../../src/adapters/terminal/output.ts';

test('a closed pipe is no crash: what comes after it is dropped', async () => {
  let attempts = 0;
  const broken = new Writable({
    write(_chunk, _encoding, done) {
      attempts += 1;
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    },
  });
  const out = safeOutput(broken);
  out.write('a\n');
  await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 100; i += 1) out.write('b\n');
  expect(attempts).toBe(1);
});

const failing = (failure: object, isTTY = false) =>
  Object.assign(new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error('write'), failure)) }), { isTTY });

test.each([
  ['a full disk', { code: 'ENOSPC', errno: -28 }, false, ['no space left on device']],
  ['a disk that fails', { code: 'EIO', errno: -5 }, false, ['i/o error']],
  ['what the system has no number for', { code: 'ERR_ODD' }, false, ['write']],
  ['a closed pipe', { code: 'EPIPE', errno: -32 }, false, []],
  ['a closed terminal', { code: 'EIO', errno: -5 }, true, []],
])('%s is told once where somebody waits for the result', async (_what, failure, isTTY, expected) => {
  const told: string[] = [];
  const out = safeOutput(failing(failure, isTTY), (reason) => told.push(reason));
  for (let i = 0; i < 3; i += 1) out.write('a\n');
  await new Promise((resolve) => setImmediate(resolve));
  out.write('b\n');
  expect(told).toEqual(expected);
});

test('a stream that throws, was ended or was destroyed is written to without harm', () => {
  const throwing = new PassThrough();
  throwing.write = () => {
    throw new Error('EIO');
  };
  expect(() => safeOutput(throwing).write('a')).not.toThrow();
  const ended = new PassThrough();
  ended.end();
  expect(() => safeOutput(ended).write('a')).not.toThrow();
  const destroyed = new PassThrough();
  destroyed.destroy();
  expect(() => safeOutput(destroyed).write('a')).not.toThrow();
});

test('a stalled reader holds nobody up', () => {
  const stalled = new Writable({ highWaterMark: 1, write: () => {} });
  const out = safeOutput(stalled);
  for (let i = 0; i < 1_000; i += 1) out.write('line\n');
  expect(stalled.writableLength).toBe(5_000);
});

test('the width is asked each time, and is 80 where nobody knows it', () => {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 120 });
  const out = safeOutput(stream);
  expect([out.isTTY, out.columns()]).toEqual([true, 120]);
  stream.columns = 0;
  expect(out.columns()).toBe(80);
  expect(safeOutput(new PassThrough()).isTTY).toBe(false);
});
