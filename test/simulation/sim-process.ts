import type { Owner } from '../../src/core/checkpoint.ts';
import { CheckpointUnreachable, DatabaseUnreachable } from '../../src/errors.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Random } from './random.ts';
import type { Fault } from './scenario.ts';

/** What a process calls. */
export type Port = 'checkpoint' | 'lease' | 'store' | 'provider' | 'clock';

/** How likely each fault is now; null while everything is fair. */
export type Weather = () => Record<Fault, number> | null;

/** Calls that may arrive twice: the contract says that repeating them changes nothing. */
const REPEATABLE = new Set(['open', 'write', 'take', 'prolong', 'release', 'record', 'setStatus']);
/** Calls that are never lost: they answer with a value whatever happens. */
const NEVER_LOST = new Set(['provider', 'clock']);

/** What becomes of one call. */
interface Fate {
  waitBeforeMs: number;
  waitAfterMs: number;
  lost: 'before' | 'after' | null;
  twice: boolean;
  crash: 'before' | 'after' | null;
  suspend: 'before' | 'after' | null;
  suspendMs: number;
}

/** One process. From the moment it is killed nothing that it called ever answers, and nothing it calls has an effect; suspended, it waits. */
export class SimProcess {
  alive = true;
  /** Resolves when the process has ended, by itself or killed. */
  readonly over: Promise<void>;
  onSignal: ((signal: 'SIGINT' | 'SIGTERM') => void) | null = null;
  readonly owner: Owner;
  /** Which of the stores its checkpoints are in. */
  readonly store: 0 | 1;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #weather: Weather;
  readonly #trace: (line: string) => void;
  #gate: Promise<void> | null = null;
  #cut: ReadonlySet<Port> = new Set();
  #end!: () => void;
  #wakeUp: () => void = () => undefined;

  constructor(owner: Owner, store: 0 | 1, world: { clock: Clock; random: Random; weather: Weather; trace: (line: string) => void }) {
    this.owner = owner;
    this.store = store;
    this.#clock = world.clock;
    this.#random = world.random;
    this.#weather = world.weather;
    this.#trace = (line) => world.trace(`${owner.token} ${line}`);
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get suspended(): boolean {
    return this.#gate !== null;
  }

  /** The outside as this process sees it: every call is a point where anything may happen. */
  bind<T extends object>(port: Port, target: T): T {
    return new Proxy(target, {
      get: (object, name) => {
        const member = Reflect.get(object, name);
        if (typeof member !== 'function' || name === 'now' || name === 'uptime') return member;
        return (...args: unknown[]) =>
          port === 'clock'
            ? this.#timer(name, object as Clock, args)
            : this.#call(port, String(name), () => Reflect.apply(member, object, args), args);
      },
    });
  }

  kill(): void {
    if (!this.alive) return;
    this.#trace('is killed');
    this.end();
  }

  /** It ended by itself. */
  end(): void {
    this.alive = false;
    this.wakeUp();
    this.#end();
  }

  /** Nothing of it goes on for so long. */
  suspend(ms: number): void {
    if (this.#gate !== null) return;
    this.#trace(`is suspended for ${ms / 1_000} s`);
    this.#gate = new Promise((resolve) => {
      this.#wakeUp = resolve;
    });
    void this.#clock.sleep(this.#clock.now() + ms).then(() => this.wakeUp());
  }

  /** Its connections to the database are broken for so long; `checkpoint` tells whether the checkpoint is there, too. */
  cut(ms: number, checkpoint: boolean): void {
    this.#trace(`loses the database for ${ms / 1_000} s`);
    this.#cut = new Set<Port>(checkpoint ? ['store', 'lease', 'checkpoint'] : ['store', 'lease']);
    void this.#clock.sleep(this.#clock.now() + ms).then(() => {
      this.#cut = new Set();
    });
  }

  wakeUp(): void {
    if (this.#gate !== null && this.alive) this.#trace('goes on');
    this.#gate = null;
    this.#wakeUp();
  }

  async #running(): Promise<void> {
    while (this.#gate !== null) await this.#gate;
    if (!this.alive) await new Promise(() => undefined);
  }

  /** Timers fire late now and then, never early. */
  async #timer(name: string | symbol, clock: Clock, args: unknown[]): Promise<void> {
    const weather = this.#weather();
    const late = weather !== null && this.#random.chance(weather.slow) ? this.#random.pick([1, 3, 40, 900]) : 0;
    if (name === 'turn') await clock.turn();
    else await clock.sleep((args[0] as number) + late, args[1] as AbortSignal | undefined);
    await this.#running();
  }

  async #call(port: Port, operation: string, work: () => unknown, args: unknown[]): Promise<unknown> {
    await this.#running();
    const fate = this.#fate(port, operation);
    this.#trace(`${port}.${operation} ${describe(operation, args)}${describeFate(fate)}`);
    const wait = async (ms: number) => {
      if (ms > 0) await this.#clock.sleep(this.#clock.now() + ms);
    };
    const cross = (when: 'before' | 'after') => {
      if (fate.crash === when) this.kill();
      if (fate.suspend === when) this.suspend(fate.suspendMs);
      return this.#running();
    };
    await wait(fate.waitBeforeMs);
    await cross('before');
    if (this.#cut.has(port)) {
      await wait(1_000);
      throw unreachable(port, operation);
    }
    if (fate.lost === 'before') throw unreachable(port, operation);
    if (fate.twice) await work();
    const answer = await settled(work());
    const crossing = cross('after');
    await wait(fate.waitAfterMs);
    await crossing;
    await this.#running();
    if (fate.lost === 'after') throw unreachable(port, operation);
    if ('error' in answer) throw answer.error;
    return answer.value;
  }

  #fate(port: Port, operation: string): Fate {
    const weather = this.#weather();
    const random = this.#random;
    const is = (fault: Fault) => weather !== null && random.chance(weather[fault]);
    const side = () => random.pick(['before', 'after'] as const);
    const ms = is('very slow') ? random.int(5_000, 25_000) : is('slow') ? random.pick([1, 5, 50, 700, 3_000]) : 0;
    const early = random.chance(0.5);
    const losable = !NEVER_LOST.has(port);
    return {
      waitBeforeMs: early ? ms : 0,
      waitAfterMs: early ? 0 : ms,
      lost: is('lost before') && losable ? 'before' : is('lost after') && losable ? 'after' : null,
      twice: is('twice') && REPEATABLE.has(operation),
      crash: is('crash') ? side() : null,
      suspend: is('suspend') ? side() : null,
      suspendMs: random.pick([9_000, 16_000, 70_000, 1_200_000]),
    };
  }
}

async function settled(work: unknown): Promise<{ value: unknown } | { error: unknown }> {
  try {
    return { value: await work };
  } catch (error) {
    return { error };
  }
}

function unreachable(port: Port, operation: string): Error {
  return port === 'checkpoint' ? new CheckpointUnreachable(`${operation} lost`) : new DatabaseUnreachable(`${operation} lost`);
}

function describe(operation: string, args: unknown[]): string {
  if (operation === 'send' || operation === 'lookUp') return (args[0] as { reference: string }).reference;
  const text = JSON.stringify(operation === 'write' ? args[1] : args) ?? '';
  return text.replace(/"owner":\{[^}]*\}/g, '…').slice(0, 400);
}

function describeFate({ waitBeforeMs, waitAfterMs, lost, twice, crash, suspend }: Fate): string {
  const parts = [
    waitBeforeMs > 0 && `${waitBeforeMs} ms before`,
    waitAfterMs > 0 && `${waitAfterMs} ms after`,
    lost && `lost ${lost}`,
    twice && 'twice',
    crash && `crash ${crash}`,
    suspend && `suspend ${suspend}`,
  ].filter(Boolean);
  return parts.length > 0 ? ` [${parts.join(', ')}]` : '';
}
