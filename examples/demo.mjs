// `npm run demo`: a small campaign from examples/people.csv through the sandbox, on embedded defaults. Nothing leaves this machine.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = here('../.demo');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);

const message = 'Hello {{ first_name | default: "friend" }}, the summer term in {{ city }} begins on Monday.';
const pace = ['--delay', '0.3', '--batch-size', '25', '--batch-pause', '3'];
const sandbox = ['--sandbox', '--fault', 'reject=*0000', '--fault', 'latency=80-250'];
const args = ['run', '--csv', '../examples/people.csv', '--message', message, '--name', 'Summer term', '--yes', ...pace, ...sandbox];

const settings = ['WASSENGER_', 'WSEND_', 'DATABASE_URL', 'REDIS_URL', 'MAX_RETRY_', 'RETRY_BASE_'];
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !settings.some((prefix) => name.startsWith(prefix))));
const { status } = spawnSync(process.execPath, [here('../bin/wsend.js'), ...args, ...process.argv.slice(2)], {
  cwd: folder,
  env,
  stdio: 'inherit',
});

console.log(`
The sandbox refused two numbers on purpose, so the second batch went slower. Look at the result:
  cd .demo && npx wsend status 1 --sandbox          one campaign in detail
  cd .demo && npx wsend report 1 --sandbox          what became of each recipient, as CSV
  cd .demo && npx wsend retry 1 --sandbox           send to the two once more
  cd .demo && npx wsend status --sandbox --json     the same for a script`);
process.exitCode = status === 3 ? 0 : (status ?? 1);
