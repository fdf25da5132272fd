import type { Kysely } from 'kysely';
import { systemClock } from '../adapters/clock.ts';
import { UsageError } from '../errors.ts';

/** Starts a sandbox; `closers` gets what ends it. */
export async function openSandbox(
  { port, db, faults, webhook }: { port: number; db: Kysely<never> | null; faults: string[]; webhook?: string | undefined },
  closers: (() => Promise<void>)[],
) {
  const [{ startSandbox }, { parseFaults }] = await Promise.all([
    import('../adapters/sandbox/server.ts'),
    import('../adapters/sandbox/faults.ts'),
  ]);
  const store =
    db === null
      ? (await import('../adapters/sandbox/store.ts')).memorySandboxStore()
      : await (await import('../adapters/sandbox/sqlite-store.ts')).sqliteSandboxStore(db);
  const parsed = parseFaults(Object.fromEntries(faults.map(readFault)));
  const sandbox = await startSandbox({ port, store, clock: systemClock, faults: parsed, webhook });
  closers.push(() => sandbox.close());
  return sandbox;
}

function readFault(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`--fault is "${text}"; allowed: name=value`, 'wsend sandbox --fault list names them all.');
  return [text.slice(0, at), text.slice(at + 1)];
}
