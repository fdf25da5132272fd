import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder } from './program.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const plain = readFileSync(new URL('plain-commit.lua', import.meta.url), 'utf8');

/** Builds wsend with a commit that writes the same and proves nothing (plain-commit.lua). Returns the path of its program. */
export function buildUnguarded() {
  const folder = makeFolder().path;
  for (const name of ['src', 'bin', 'build.mjs', 'package.json', 'tsconfig.json']) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const scripts = join(folder, 'src/adapters/redis/scripts-held.ts');
  const guarded = readFileSync(scripts, 'utf8');
  const unguarded = guarded.replace(/export const COMMIT = `\$\{HELD\}[^`]*`/, () => `export const COMMIT = \`\${HEAD}\n${plain}\``);
  if (unguarded === guarded) throw new Error('scripts-held.ts has no COMMIT to replace');
  writeFileSync(scripts, unguarded);
  const { status } = spawnSync(process.execPath, ['build.mjs'], { cwd: folder, stdio: 'inherit' });
  if (status !== 0) throw new Error('the unguarded program cannot be built');
  return join(folder, 'bin/wsend.js');
}
