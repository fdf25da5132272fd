import { copyFileSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fileIdentity } from '../../../src/adapters/process/file-identity.ts';

it('a file is known by every path to it, whatever is written to it, and a copy or a replacement is another', ({ onTestFinished }) => {
  const folder = mkdtempSync(join(tmpdir(), 'wsend-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [one, link, copy] = ['one', 'link', 'copy'].map((name) => join(folder, name)) as [string, string, string];
  writeFileSync(one, 'a');
  const identity = fileIdentity(one);
  symlinkSync(one, link);
  expect(fileIdentity(link)).toBe(identity);
  writeFileSync(one, 'b');
  expect(fileIdentity(one)).toBe(identity);
  copyFileSync(one, copy);
  expect(fileIdentity(copy)).not.toBe(identity);
  renameSync(copy, one);
  expect(fileIdentity(one)).not.toBe(identity);
});
