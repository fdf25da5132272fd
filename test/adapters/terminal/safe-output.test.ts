import { PassThrough, Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { safeOutput } from '../../../src/adapters/terminal/safe-output.ts';

const ROOM = { most: 1_000_000 };

test('a closed pipe is no crash: what comes after it is dropped', async () => {
  let attempts = 0;
  const broken = new Writable({
    write(_chunk, _encoding, done) {
      attempts += 1;
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    },
  });
  const out = safeOutput(broken, ROOM);
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
  const out = safeOutput(failing(failure, isTTY), { ...ROOM, onLost: (reason) => told.push(reason) });
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
  expect(() => safeOutput(throwing, ROOM).write('a')).not.toThrow();
  const ended = new PassThrough();
  ended.end();
  expect(() => safeOutput(ended, ROOM).write('a')).not.toThrow();
  const destroyed = new PassThrough();
  destroyed.destroy();
  expect(() => safeOutput(destroyed, ROOM).write('a')).not.toThrow();
});

/** A reader that takes something only when it is told to. */
function slowReader(isTTY = false) {
  const taken: string[] = [];
  let take: (() => void) | null = null;
  const stream = new Writable({
    highWaterMark: 100,
    decodeStrings: false,
    write(chunk, _encoding, done) {
      take = () => {
        take = null;
        taken.push(String(chunk));
        done();
      };
    },
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return {
    stream: Object.assign(stream, { isTTY }),
    text: () => taken.join(''),
    async takeOne() {
      await turn();
      take?.();
      await turn();
    },
    async takeAll() {
      for (let n = -1; n < taken.length; await turn()) {
        n = taken.length;
        take?.();
      }
    },
  };
}

const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `line ${from + i}\n`);

test('a stalled reader holds nobody up, and gets everything in order once it takes it', async () => {
  const { stream, text, takeAll } = slowReader();
  const out = safeOutput(stream, { most: 1_000_000, onLost: (reason) => expect(reason).toBe('') });
  for (const line of lines(0, 20_000)) out.write(line);
  expect(out.idle()).toBe(false);
  const settled = out.settled();
  await takeAll();
  expect([await settled, out.idle(), text() === lines(0, 20_000).join('')]).toEqual([true, true, true]);
});

test('of what somebody needs, only so much is kept: then it is cut off for good, without a gap, and told once', async () => {
  const { stream, text, takeAll } = slowReader();
  const told: string[] = [];
  const out = safeOutput(stream, { most: 2_000_000, onLost: (reason) => told.push(reason) });
  for (const line of lines(0, 400_000)) out.write(line);
  expect(told).toEqual(['nobody takes it, and 2 MB of it wait']);
  await takeAll();
  out.write('later\n');
  await takeAll();
  expect(lines(0, 400_000).join('').startsWith(text())).toBe(true);
  expect(text().length).toBeGreaterThan(1_990_000);
  expect(text().length).toBeLessThan(2_100_000);
  expect(await out.settled()).toBe(false);
});

test('of everything else what finds no room is left out, and a line says so as soon as there is', async () => {
  const { stream, text, takeAll } = slowReader();
  const out = safeOutput(stream, { most: 500 });
  for (const line of lines(0, 1_000)) out.write(line);
  await takeAll();
  out.write('later\n');
  await takeAll();
  expect(text()).toMatch(/^line 0\nline 1\n[^…]*… 9\d\d lines are left out here: nobody took them\nlater\n$/);
});

test('a reader that takes something now and then is waited for; one that takes nothing is given up', async () => {
  const slow = slowReader();
  const told: string[] = [];
  const out = safeOutput(slow.stream, { ...ROOM, onLost: (reason) => told.push(reason) });
  for (const line of lines(0, 20)) out.write(line);
  const settled = out.settled(300);
  for (let i = 0; i < 5; i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    await slow.takeOne();
  }
  expect(told).toEqual([]);
  expect(await settled).toBe(false);
  expect(told).toEqual(['nobody takes it']);
});

test('a terminal that takes nothing is given up without a word: nobody is there to read it', async () => {
  const { stream } = slowReader(true);
  const told: string[] = [];
  const out = safeOutput(stream, { ...ROOM, onLost: (reason) => told.push(reason) });
  out.write('summary\n');
  expect([await out.settled(20), told]).toEqual([false, []]);
});

test('the width is asked each time, and is 80 where nobody knows it', () => {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 120 });
  const out = safeOutput(stream, ROOM);
  expect([out.isTTY, out.columns()]).toEqual([true, 120]);
  stream.columns = 0;
  expect(out.columns()).toBe(80);
  expect(safeOutput(new PassThrough(), ROOM).isTTY).toBe(false);
});
