import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTemplate } from '../../../src/adapters/liquid/read-template.ts';
import { UsageError } from '../../../src/errors.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wsend-template-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('--message', () => {
  test.each([
    ['Hello', 'Hello'],
    ['', ''],
    ['mail me @ home', 'mail me @ home'],
    ['@@home', '@home'],
    ['@@@', '@@'],
  ])('%j means the text %j', async (argument, text) => {
    expect(await readTemplate(argument)).toBe(text);
  });

  test.each([
    ['Hello\n', 'Hello'],
    ['Hello\n\n', 'Hello\n'],
    ['\uFEFFHello {{ x }}\r\nthere\r\n', 'Hello {{ x }}\nthere'],
    ['é 😀', 'é 😀'],
    ['', ''],
  ])('@file with %j means %j', async (content, text) => {
    await writeFile(join(folder, 'm.txt'), content);
    expect(await readTemplate(`@${join(folder, 'm.txt')}`)).toBe(text);
  });

  test.each([
    ['missing.txt', undefined, 'there is no such file'],
    ['.', undefined, 'it is a directory'],
    ['binary.txt', Buffer.from([72, 0, 105]), 'is not a text file'],
    ['latin.txt', Buffer.from('caf\xe9', 'latin1'), 'is not UTF-8'],
    ['large.txt', Buffer.alloc(300_000, 'x'), 'is larger than 256 KB'],
    ['a\0b', undefined, 'cannot read'],
  ])('@%s is refused by name', async (name, content, message) => {
    if (content) await writeFile(join(folder, name), content);
    const reading = readTemplate(`@${join(folder, name)}`, '--message-2');
    await expect(reading).rejects.toThrow(UsageError);
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toThrow('--message-2');
  });

  test('@ alone is explained', async () => {
    await expect(readTemplate('@')).rejects.toThrow('@@ for a text that begins with @');
  });
});
