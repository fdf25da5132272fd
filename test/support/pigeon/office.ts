import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../../../src/errors.ts';
import type { Flags } from '../../../src/flags.ts';
import type { Outside, StopSignal } from '../../../src/outside.ts';
import { PROVIDERS } from '../../../src/providers.ts';
import { openWorld, type World } from '../../../src/world.ts';
import { QUICK } from '../../cli/program.ts';
import { pigeon } from './entry.ts';

/** What a command came to. */
export interface Ended {
  code: number;
  /** With --json, what it told. */
  told: Record<string, unknown>[];
  /** What it said besides, and why it could not be done. */
  said: string;
}

/** A folder with a real database, in which the real commands run inside this process, with Pigeon in the table of providers. */
export class Office {
  readonly folder = mkdtempSync(join(tmpdir(), 'wsend-pigeon-'));
  readonly #env: Record<string, string>;

  constructor(env: Record<string, string>) {
    this.#env = { ...QUICK, WSEND_PROVIDER: 'pigeon', DATABASE_URL: `sqlite:${join(this.folder, 'wsend.db')}`, ...env };
    this.#env.WSEND_SANDBOX_FILE = join(this.folder, 'sandbox.db');
    writeFileSync(join(this.folder, '.env'), '');
  }

  write(name: string, text: string): string {
    writeFileSync(join(this.folder, name), text);
    return join(this.folder, name);
  }

  /** Runs one command to its end. */
  run(command: (world: World) => Promise<number>, flags: Flags = {}): Promise<Ended> {
    return this.start(command, flags).ended;
  }

  /** Starts one command; `stop` is Ctrl-C, and `tells` waits for the first object of a type. */
  start(command: (world: World) => Promise<number>, flags: Flags = {}) {
    const told: Ended['told'] = [];
    let said = '';
    let stop: (signal: StopSignal) => void = () => undefined;
    const taking = (write: (text: string) => void) => ({
      write,
      isTTY: false,
      columns: () => 80,
      idle: () => true,
      settled: async () => true,
    });
    const outside: Outside = {
      stdout: taking(
        (text) =>
          void told.push(
            ...text
              .trim()
              .split('\n')
              .map((line) => JSON.parse(line)),
          ),
      ),
      stderr: taking((text) => {
        said += text;
      }),
      env: this.#env,
      interactive: false,
      onSignal(handler) {
        stop = handler;
        return () => undefined;
      },
      onBug: () => undefined,
      ask: async () => '',
      leave: () => undefined,
    };
    const world = openWorld({ ...flags, json: true, envFile: join(this.folder, '.env') }, outside, [...PROVIDERS, pigeon]);
    const work = async (): Promise<Ended> => {
      try {
        return { code: await command(world), told, said };
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        return { code: error.exitCode, told, said: `${said}${error.message}` };
      } finally {
        await world.close();
      }
    };
    const ended = work();
    const tells = async (type: string) => {
      for (;;) {
        const found = told.find((one) => one.type === type);
        if (found !== undefined) return found;
        await Promise.race([new Promise((resolve) => setTimeout(resolve, 20)), ended.then(({ said }) => Promise.reject(new Error(said)))]);
      }
    };
    return { ended, tells, stop: () => stop('SIGINT') };
  }

  leave(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
