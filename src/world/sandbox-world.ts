import type { Kysely } from 'kysely';
import { systemClock } from '../adapters/system-clock.ts';
import { UsageError } from '../errors.ts';
import { REHEARSED } from '../providers.ts';

/** A sandbox, and the settings with which it is used: by their names, and as variables. */
export interface RunningSandbox {
  url: string;
  controlUrl: string;
  apiKey: string;
  device: string;
  settings: Record<string, string>;
  env: Record<string, string>;
}

/** Starts a sandbox; `closers` gets what ends it. */
export async function openSandbox(
  { port, db, faults, webhook }: { port: number; db: Kysely<never> | null; faults: string[]; webhook?: string | undefined },
  closers: (() => Promise<void>)[],
): Promise<RunningSandbox> {
  const [{ startSandbox }, { parseFaults }] = await Promise.all([import('../sandbox/sandbox-server.ts'), import('../sandbox/faults.ts')]);
  const store =
    db === null
      ? (await import('../sandbox/store.ts')).memorySandboxStore()
      : await (await import('../sandbox/sqlite-store.ts')).sqliteSandboxStore(db);
  const parsed = parseFaults(Object.fromEntries(faults.map(readFault)));
  const sandbox = await startSandbox({ port, store, clock: systemClock, faults: parsed, webhook });
  closers.push(() => sandbox.close());
  const { url: baseUrl, apiKey, device } = sandbox;
  const settings = { baseUrl, apiKey, device };
  return { ...sandbox, settings, env: Object.fromEntries(Object.entries(settings).map(([name, value]) => [variableOf(name), value])) };
}

function variableOf(name: string): string {
  return REHEARSED.settings[name]?.variable ?? name;
}

/** UsageError for an address that nobody can be told at. */
export async function checkWebhook(address: string): Promise<void> {
  if (URL.canParse(address) && /^https?:$/.test(new URL(address).protocol)) return;
  const { path } = await REHEARSED.webhook({});
  throw new UsageError(
    '--webhook is not a web address; allowed: one that begins with http:// or https://',
    `Example: --webhook http://127.0.0.1:8080${path}/<secret>`,
  );
}

function readFault(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`--fault is "${text}"; allowed: name=value`, 'wsend sandbox --fault list names them all.');
  return [text.slice(0, at), text.slice(at + 1)];
}
