// npm run torture: TypeScript made into something that every Node runs, from a folder as deep as test/torture, so that paths come out the same.
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bundle = await rolldown({
  cwd: root,
  input: { main: './test/torture/main.ts' },
  platform: 'node',
  external: /^[^./]/,
  logLevel: 'warn',
});
await bundle.write({ dir: `${root}/node_modules/.torture`, format: 'esm' });
await bundle.close();
await import(new URL('../../node_modules/.torture/main.js', import.meta.url));
