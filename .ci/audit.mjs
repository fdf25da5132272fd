// npm run audit: asks the npm registry about known faults of every package in the lock file. Those of what ships (dependencies, and what
// build.mjs bundles into dist) are ours to mend: exit code 1. Those of the tools around it are told. 3 when the registry does not answer.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const root = new URL('..', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');

/** Names of the packages that an installed wsend is made of: the bundled ones head their licences, the others are in the lock file. */
function shipped() {
  const bundled = [...read('dist/LICENSES.txt').matchAll(/^(\S+) \d\S* \(/gm)].map(([, name]) => name);
  const installed = Object.entries(JSON.parse(read('package-lock.json')).packages).filter(([path, { dev }]) => path !== '' && !dev);
  return new Set([...bundled, ...installed.map(([path]) => path.replace(/^.*node_modules\//, ''))]);
}

const { stdout } = spawnSync('npm', ['audit', '--json'], { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
const { vulnerabilities, message = 'npm audit gave no report' } = JSON.parse(stdout || '{}');
if (vulnerabilities === undefined) {
  console.log(`NOT AUDITED: the registry did not say which packages have known faults: ${message}`);
  process.exit(3);
}
const ours = shipped();
const faults = Object.values(vulnerabilities).flatMap(({ name, via }) =>
  via.filter((cause) => typeof cause === 'object').map(({ title, range, url }) => ({ name, ships: ours.has(name), title, range, url })),
);
for (const { name, ships, title, range, url } of faults) console.log(`${ships ? 'ships' : 'tool'}: ${name} ${range}: ${title} (${url})`);
const bad = faults.filter(({ ships }) => ships).length;
console.log(`Known faults: ${bad} in the ${ours.size} packages that ship, ${faults.length - bad} in the tools around them`);
process.exit(bad > 0 ? 1 : 0);
