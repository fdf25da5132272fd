import { isUtf8 } from 'node:buffer';
import { open } from 'node:fs/promises';
import { messageOf, UsageError } from '../../errors.ts';
import { LONGEST_TEMPLATE } from './engine.ts';

/** The largest template file, in bytes: the longest template with every character at its widest. */
const LARGEST_FILE = 4 * LONGEST_TEMPLATE;

/**
 * The template that a flag means: the text itself, the content of a file for `@file.txt` (UTF-8; a byte order mark and one final line end
 * are left out), a text that begins with @ for `@@text`. `what` names the flag. Throws UsageError when the file cannot be read as text.
 */
export async function readTemplate(argument: string, what = '--message'): Promise<string> {
  if (argument.startsWith('@@')) return argument.slice(1);
  if (!argument.startsWith('@')) return argument;
  const path = argument.slice(1);
  if (path === '') throw new UsageError(`${what} @ names no file: write @file.txt, or @@ for a text that begins with @`);
  const bytes = await readSmall(path, what);
  if (bytes.includes(0)) throw new UsageError(`${what}: ${path} is not a text file`, 'Save it as plain text, UTF-8.');
  if (!isUtf8(bytes)) throw new UsageError(`${what}: ${path} is not UTF-8`, 'Save it again as plain text with the encoding UTF-8.');
  return bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .replace(/\r\n?/g, '\n')
    .replace(/\n$/, '');
}

async function readSmall(path: string, what: string): Promise<Buffer> {
  const bytes = Buffer.alloc(LARGEST_FILE + 1);
  let length = 0;
  try {
    const file = await open(path, 'r');
    try {
      for (let read = 1; read > 0 && length < bytes.length; length += read) {
        ({ bytesRead: read } = await file.read(bytes, length, bytes.length - length));
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new UsageError(`${what}: cannot read ${path}: ${whyNot(error)}`, 'For a text that begins with @, write @@.', error);
  }
  if (length > LARGEST_FILE) throw new UsageError(`${what}: ${path} is larger than ${LARGEST_FILE / 1024} KB; a template is a short text`);
  return bytes.subarray(0, length);
}

function whyNot(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a directory';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  return messageOf(error);
}
