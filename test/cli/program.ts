import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const BIN = fileURLToPath(new URL('../../bin/wsend.js', import.meta.url));

/** Settings under which a campaign takes a second instead of an hour. */
export const QUICK = {
  WASSENGER_MIN_DELAY_SECONDS: '0',
  WASSENGER_RATE_LIMIT_SECONDS: '0.02',
  WASSENGER_BATCH_PAUSE_SECONDS: '0.1',
  WASSENGER_LOOKUP_SECONDS: '0.6',
  WASSENGER_LOOKUPS_PER_SECOND: '1000',
  RETRY_BASE_DELAY_SECONDS: '0.2',
};

/** What a run of the built program came to. */
export interface Outcome {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Started {
  process: ChildProcess;
  /** Resolves when the program has ended. */
  ended: Promise<Outcome>;
  /** Resolves when stdout or stderr holds the text. */
  says(text: string | RegExp): Promise<void>;
  /** Resolves when the program has printed so many objects of this type with --json. */
  tells(type: string, count?: number): Promise<void>;
  stdout(): string;
  stderr(): string;
}

/** How a program is started, where that is not as usual. */
export interface Unusually {
  /** Runs it as another user. */
  uid?: number | undefined;
  cwd?: string;
  /** What is run instead of the command, such as a shell with it in a pipe; `command` is quoted for `sh -c`. */
  through?: (command: string) => [string, ...string[]];
  /** Its standard input is a pipe; default is none at all. */
  stdin?: boolean;
}

/** A sandbox that runs by itself. */
export interface Sandbox {
  /** Where /sandbox/messages, /sandbox/stats and /sandbox/faults are. */
  control: string;
  port: number;
  process: ChildProcess;
  /** Everything it took, oldest first. */
  accepted(): Promise<{ reference: string; phone: string; message: string; at: string }[]>;
  set(faults: Record<string, unknown>): Promise<void>;
}

/** A folder of its own for programs to run in, with the settings they get; nothing of this machine's environment reaches them. */
export class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'wsend-test-'));
  env: Record<string, string>;
  readonly #started = new Set<ChildProcess>();

  constructor(env: Record<string, string> = {}) {
    this.env = { ...env };
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, content: string | Buffer): string {
    writeFileSync(this.path(name), content);
    return name;
  }

  /** Writes a file of people, numbered from 0. */
  people(count: number, name = 'people.csv'): string {
    return this.write(
      name,
      `phone,name\n${phones(count)
        .map((phone, i) => `${phone},Person ${i}\n`)
        .join('')}`,
    );
  }

  start(args: string[], env: Record<string, string> = {}, { uid, cwd, through, stdin = false }: Unusually = {}): Started {
    const { PATH = '', HOME = '' } = process.env;
    const plain: [string, ...string[]] = [process.execPath, BIN, ...args];
    const [program, ...rest] = through?.(plain.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')) ?? plain;
    const child = spawn(program, rest, {
      cwd: cwd ?? this.folder,
      env: { PATH, HOME, ...this.env, ...env },
      stdio: [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    this.#started.add(child);
    const out = { stdout: '', stderr: '' };
    const listeners = new Set<() => void>();
    const heard = () => {
      for (const listener of listeners) listener();
    };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        out[name] += text;
        heard();
      });
    }
    let closed = false;
    const ended = new Promise<Outcome>((resolve) => {
      child.once('close', (code, signal) => {
        this.#started.delete(child);
        closed = true;
        resolve({ code, signal, ...out });
        heard();
      });
    });
    const until = (what: string | RegExp, is: () => boolean) =>
      new Promise<void>((resolve, reject) => {
        const listener = () => {
          if (!is() && !closed) return;
          listeners.delete(listener);
          if (is()) resolve();
          else reject(new Error(`it ended without saying ${what}:\n${out.stdout}${out.stderr}`));
        };
        listeners.add(listener);
        listener();
      });
    return {
      process: child,
      ended,
      says: (text) =>
        until(text, () => (typeof text === 'string' ? (out.stdout + out.stderr).includes(text) : text.test(out.stdout + out.stderr))),
      tells: (type, count = 1) => until(type, () => out.stdout.split(`{"type":"${type}"`).length > count),
      stdout: () => out.stdout,
      stderr: () => out.stderr,
    };
  }

  /** Runs the program to its end. */
  run(args: string[], env: Record<string, string> = {}, unusually: Unusually = {}): Promise<Outcome> {
    return this.start(args, env, unusually).ended;
  }

  /** Starts it in a pseudo-terminal of so many columns; its stdout is then all that the terminal got, and `process.stdin` the keyboard. */
  startInTerminal(args: string[], columns: number, env: Record<string, string> = {}): Started {
    const inTerminal = (command: string): [string, ...string[]] => inPseudoTerminal(command, columns);
    return this.start(args, { TERM: 'xterm-256color', ...env }, { through: inTerminal, stdin: true });
  }

  /** Starts `wsend sandbox` and makes it the provider of everything that runs here. */
  sandbox(...faults: string[]): Promise<Sandbox> {
    return this.sandboxWith(['--port', '0', ...faults.flatMap((fault) => ['--fault', fault])]);
  }

  /** The same with flags of one's own. */
  async sandboxWith(flags: string[]): Promise<Sandbox> {
    const started = this.start(['sandbox', '--json', ...flags]);
    await started.says(/control_url.*\n/);
    const { url, control_url: control, api_key, device } = JSON.parse(started.stdout());
    Object.assign(this.env, { WASSENGER_BASE_URL: url, WASSENGER_API_KEY: api_key, WASSENGER_DEVICE_ID: device });
    return {
      control,
      port: Number(new URL(control).port),
      process: started.process,
      accepted: async () => {
        const answer = await (await fetch(`${control}/sandbox/messages`)).json();
        return Array.isArray(answer) ? answer : (answer as { messages: [] }).messages;
      },
      set: async (changed) => {
        const answer = await fetch(`${control}/sandbox/faults`, { method: 'POST', body: JSON.stringify(changed) });
        if (!answer.ok) throw new Error(await answer.text());
      },
    };
  }

  /** Ends what still runs and removes the folder, unless it is to be kept for a person to look into. */
  async leave({ keep = false }: { keep?: boolean } = {}): Promise<void> {
    const running = [...this.#started];
    for (const child of running) child.kill('SIGKILL');
    await Promise.all(running.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What runs a shell command in a pseudo-terminal: `script` of util-linux, which ends with the command's exit code. */
export function inPseudoTerminal(command: string, columns: number): [string, ...string[]] {
  return ['script', '--quiet', '--flush', '--return', '--command', `stty cols ${columns} rows 24; exec ${command}`, '/dev/null'];
}

/** The first `count` numbers of `Place.people`. */
export function phones(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `+22901${String(i).padStart(4, '0')}1111`);
}

/** The objects that a run printed with --json. */
export function events(outcome: { stdout: string }): Record<string, unknown>[] {
  return outcome.stdout
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line));
}
