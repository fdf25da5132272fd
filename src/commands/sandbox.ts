import { EXIT } from '../errors.ts';
import type { Options } from '../options.ts';
import { readPort } from '../runs/arguments.ts';
import type { World } from '../world.ts';

export type SandboxOptions = Required<Pick<Options, 'port'>> & Pick<Options, 'file' | 'fault' | 'webhook'>;

/** `wsend sandbox`: the stand-in for the provider by itself, until it is interrupted. */
export async function sandbox(world: World, { port, file, fault = [], webhook }: SandboxOptions): Promise<number> {
  if (fault.includes('list')) {
    world.show.result(...(await world.faultList()));
    return EXIT.done;
  }
  const running = await world.startSandbox({ port: readPort(port), file: file ?? null, faults: fault, webhook });
  const lines = Object.entries(running.env).map(([name, value]) => `  ${name}=${value}\n`);
  const kept = file === undefined ? 'in memory, until it ends' : `in ${file}`;
  const text = `The sandbox listens on ${running.url}. Messages are kept ${kept}. Send to it with\n${lines.join('')}Open ${running.controlUrl}/ to see its phones and answer as a contact. See /sandbox/messages, /sandbox/stats and /sandbox/faults, too. Ctrl-C ends it.\n`;
  world.show.result(
    { type: 'sandbox', url: running.url, control_url: running.controlUrl, api_key: running.apiKey, device: running.device },
    text,
  );
  await new Promise<void>((resolve) => {
    world.outside.onSignal(() => resolve());
  });
  return EXIT.done;
}
