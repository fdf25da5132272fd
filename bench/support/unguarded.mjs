import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder } from './program.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Builds wsend with steps that write the same and prove nothing: neither epoch nor step is read. Returns the path of its program. */
export function buildUnguarded() {
  const folder = makeFolder().path;
  for (const name of ['src', 'bin', 'build.mjs', 'package.json', 'tsconfig.json']) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const scripts = join(folder, 'src/adapters/redis/scripts.ts');
  const guarded = readFileSync(scripts, 'utf8');
  const unguarded = guarded
    .replace(/^ {2}local stand = redis\.call\('HMGET'.*$/m, '  local stand = {}')
    .replace(/^ {2}fits = fits and .*$/m, '')
    .replace(/^if not fits or .*$/m, '');
  if (/HMGET|not fits/.test(unguarded)) throw new Error('scripts.ts has no proof to take out');
  writeFileSync(scripts, unguarded);
  const { status } = spawnSync(process.execPath, ['build.mjs'], { cwd: folder, stdio: 'inherit' });
  if (status !== 0) throw new Error('the unguarded program cannot be built');
  return join(folder, 'bin/wsend.js');
}
