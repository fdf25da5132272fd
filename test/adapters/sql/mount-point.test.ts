import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isMountPoint, mountPointsIn, openSqlite } from '../../../src/adapters/sql/open/sqlite.ts';

const MOUNTINFO = String.raw`24 30 0:22 / /proc rw,nosuid,nodev,noexec,relatime shared:13 - proc proc rw
36 35 98:0 /mnt1 /app/wsend.db rw,noatime master:1 - ext3 /dev/root rw,errors=continue
37 35 98:0 /a\040b /a\040folder/with\134back\011tab\012line/été.db rw - ext4 /dev/sda1 rw
`;

test('the mount points are read from what the kernel says, with blanks and backslashes as they are', () => {
  expect([...mountPointsIn(MOUNTINFO)]).toEqual(['/proc', '/app/wsend.db', '/a folder/with\\back\ttab\nline/été.db']);
  expect(mountPointsIn('')).toEqual(new Set());
  expect(mountPointsIn('\n36 35\n')).toEqual(new Set());
});

test('a file in a folder is no mount point, nor is one that is not there', () => {
  expect(isMountPoint(import.meta.filename)).toBe(false);
  expect(isMountPoint('/nowhere/wsend.db')).toBe(false);
  expect(isMountPoint(':memory:')).toBe(false);
});

const mayMount = spawnSync('unshare', ['-m', 'true']).status === 0;

describe.runIf(mayMount)('an SQLite file of which only itself is mounted', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wsend mount '));
  const program = join(folder, 'opener.mjs');
  const [inside, outside] = [join(folder, 'container'), join(folder, 'host')];
  beforeAll(async () => {
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
    const input = join(import.meta.dirname, 'database-opener.ts');
    await build({ input, platform: 'node', external: /^[^./]/, output: { file: program, format: 'esm', codeSplitting: false } });
    for (const made of [inside, outside]) mkdirSync(made);
    await openSqlite<never>(join(outside, 'wsend.db')).destroy();
    copyFileSync(join(outside, 'wsend.db'), join(inside, 'wsend.db'));
    symlinkSync(join(inside, 'wsend.db'), join(folder, 'link.db'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What opening a database comes to where `mounted` is mounted at its like in the other folder. */
  function opened(path: string, mounted: 'file' | 'folder') {
    const [from, to] = mounted === 'file' ? [join(outside, 'wsend.db'), join(inside, 'wsend.db')] : [outside, inside];
    const script = 'mount --bind "$1" "$2" && exec "$3" "$4" "$5"';
    const args = ['-m', 'sh', '-c', script, 'sh', from, to, process.execPath, program, `sqlite:${path}`];
    return JSON.parse(execFileSync('unshare', args, { encoding: 'utf8' }));
  }

  test.each(['container/wsend.db', 'link.db'])('is refused with what to do, and nothing is made beside it: %s', (name) => {
    expect(opened(join(folder, name), 'file')).toEqual({
      exitCode: 2,
      message: `the SQLite file ${join(folder, name)} is mounted by itself, so the files that SQLite keeps beside it would be lost with the container`,
      next: 'Mount the folder that it is in, not the file: for example docker run -v ./data:/app/data with DATABASE_URL=sqlite:/app/data/wsend.db.',
    });
    expect(readdirSync(inside)).toEqual(['wsend.db']);
  });

  test('is opened where its folder is mounted', () => {
    expect(opened(join(inside, 'wsend.db'), 'folder')).toEqual({ message: 'opened', exitCode: 0 });
    expect(existsSync(join(outside, 'wsend.db'))).toBe(true);
  });
});
