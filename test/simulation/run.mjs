// Plays many seeds of the simulation, or one of them step by step: npm run simulate -- --seeds 5000, npm run simulate -- --seed 17
import { rmSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../..', import.meta.url));
const file = `${root}node_modules/.cache/wsend-simulation-${process.pid}.mjs`;
const bundle = await rolldown({
  input: `${root}test/simulation/main.ts`,
  platform: 'node',
  external: (id) => !/^[./]/.test(id),
  logLevel: 'warn',
  // The page of the sandbox: nothing here shows it.
  plugins: [
    {
      name: 'raw',
      resolveId: { filter: { id: /\?raw$/ }, handler: () => '\0raw' },
      load: { filter: { id: /^\0raw$/ }, handler: () => "export default ''" },
    },
  ],
});
await bundle.write({ file, format: 'esm', codeSplitting: false });
await bundle.close();
const { main } = await import(pathToFileURL(file).href);
rmSync(file);
process.exitCode = await main(process.argv.slice(2));
