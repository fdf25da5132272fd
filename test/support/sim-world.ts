import { applyChanges, type Change, campaignName, keptOf, lineName, type Owner, readCheckpoint } from '../../src/core/checkpoint.ts';
import type { Event } from '../../src/core/event.ts';
import type { PacingState } from '../../src/core/pacing.ts';
import type { Policy } from '../../src/core/policy.ts';
import { isConsistent, progressOf } from '../../src/core/progress.ts';
import { HeldElsewhere, UserError } from '../../src/errors.ts';
import { stopRun } from '../../src/loop/course.ts';
import { type HeldLease, holdLease } from '../../src/loop/held-lease.ts';
import { OptOutList } from '../../src/loop/opt-out-list.ts';
import type { Run, RunParts } from '../../src/loop/parts.ts';
import { findPersons, Persons } from '../../src/loop/persons.ts';
import type { CampaignStore } from '../../src/ports/campaign-store.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Lease } from '../../src/ports/leases.ts';
import { runCampaign } from '../../src/run-campaign.ts';
import type { Assumption } from '../../src/runs/assume.ts';
import type { Ending } from '../../src/runs/finish.ts';
import { openLine, recover } from '../../src/runs/recover.ts';
import { MemoryEntries } from './memory-entries.ts';
import { MemoryLeases } from './memory-leases.ts';
import { MemoryOptOuts } from './memory-opt-outs.ts';
import { MemoryProvider, withHistory } from './memory-provider.ts';
import { MemoryStore } from './memory-store.ts';
import { SimClock } from './sim-clock.ts';

export const POLICY: Policy = {
  pace: { delayMs: 3_000, batchSize: 75, batchPauseMs: 30_000 },
  bounds: { minDelayMs: 2_000, maxDelayMs: 10_000 },
  retry: { maxAttempts: 3, baseDelayMs: 60_000 },
  concurrency: 4,
  lookupMs: 10_000,
  askEveryMs: 60_000,
  queueLimit: 75,
};

interface RunOptions {
  sending?: boolean;
  life?: Life;
  /** Done under the leases before anything else. */
  before?: () => Promise<unknown>;
  /** The operator's word on whoever stays in doubt. */
  assume?: Assumption;
}

/** A process that may be killed: from then on nothing it called ever answers, and nothing it calls has an effect. */
export class Life {
  alive = true;
  onDeath: () => void = () => undefined;
  readonly over: Promise<void>;
  #calls = 0;
  #gate: Promise<void> | null = null;
  readonly #lastCall: number;
  readonly #after: boolean;
  #end!: () => void;

  constructor(lastCall = Number.POSITIVE_INFINITY, after = false) {
    this.#lastCall = lastCall;
    this.#after = after;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  bind<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name) => {
        const member = Reflect.get(object, name);
        if (typeof member !== 'function' || name === 'now' || name === 'uptime') return member;
        return async (...args: unknown[]) => {
          const last = name !== 'sleep' && ++this.#calls >= this.#lastCall;
          if (last && !this.#after) this.kill();
          if (!this.alive) return new Promise(() => undefined);
          await this.#gate;
          const result = Reflect.apply(member, object, args);
          if (last) this.kill();
          const value = await result;
          await this.#gate;
          return this.alive ? value : new Promise(() => undefined);
        };
      },
    });
  }

  /** Nothing of this process goes on until the returned function is called, as after SIGSTOP or with the lid closed. */
  suspend(): () => void {
    let goOn!: () => void;
    this.#gate = new Promise((resolve) => {
      goOn = resolve;
    });
    return () => {
      this.#gate = null;
      goOn();
    };
  }

  kill(): void {
    this.alive = false;
    this.onDeath();
    this.#end();
  }
}

/** The real loop between a simulated clock, database, checkpoint and provider. */
export class SimWorld {
  readonly clock = new SimClock();
  readonly leases = new MemoryLeases(this.clock.now);
  entries = new MemoryEntries(this.clock.now);
  readonly provider = new MemoryProvider(this.clock);
  readonly optOuts = new MemoryOptOuts();
  readonly store: MemoryStore;
  readonly events: Event[] = [];
  policy: Policy = POLICY;
  /** Owners whose process has ended. */
  readonly dead = new Set<string>();
  limit: number | null = null;
  fateOfOthers: 'running' | 'unknowable' = 'running';
  /** The most claims that were open after each commit. */
  readonly claimsOpen: number[] = [];
  /** Takes over the lease of any run that has ended, however it ended. */
  lenient = false;
  onEvent: (event: Event, run: Run | null) => void = () => undefined;
  run: Run | null = null;
  /** What broke a run and is no error for people. */
  readonly bugs: unknown[] = [];
  #runs = 0;

  constructor(count: number) {
    this.store = new MemoryStore(count);
    withHistory(this.provider, [this.store], this.clock.now);
  }

  owner(): Owner {
    this.#runs += 1;
    return {
      token: `run-${this.#runs}`,
      host: 'here',
      machine: 'm',
      boot: 'b',
      namespace: 'n',
      pid: this.#runs,
      startedAt: this.clock.now(),
      birth: '',
    };
  }

  /** One whole run, under the clock that is already running. `life` may end it at any call that it makes. */
  async start(options: RunOptions = {}): Promise<Ending> {
    try {
      const ending = await this.#start(options);
      if (ending.broken !== null) this.#note(ending.broken);
      return ending;
    } catch (error) {
      this.#note(error);
      throw error;
    }
  }

  #note(error: unknown): void {
    if (!(error instanceof UserError)) this.bugs.push(error);
  }

  async #start({ sending = true, life = new Life(), before, assume }: RunOptions): Promise<Ending> {
    const owner = this.owner();
    this.provider.inFlight = 0;
    life.onDeath = () => this.dead.add(owner.token);
    const names = Object.values(this.names);
    const dead = this.lenient ? Array.from({ length: this.#runs }, (_, i) => `run-${i}`) : [...this.dead];
    const asked = this.clock.now();
    const taken = await this.leases.take(names, owner, dead);
    if (!('lease' in taken)) throw new HeldElsewhere(`held by ${taken.heldBy.token}`);
    const clock = life.bind<Clock>(this.clock);
    const lease = holdLease(life.bind(taken.lease), clock, asked);
    try {
      return await this.#under(lease, { sending, life, before, owner, clock, assume });
    } finally {
      if (life.alive) await lease.release();
      this.dead.add(owner.token);
    }
  }

  async #under(
    lease: HeldLease,
    {
      sending,
      life,
      before,
      owner,
      clock,
      assume,
    }: {
      before: RunOptions['before'];
      assume: RunOptions['assume'];
      sending: boolean;
      life: Life;
      owner: Owner;
      clock: Clock;
    },
  ): Promise<Ending> {
    const entries = life.bind(this.entries);
    const provider = life.bind(this.provider);
    const line = await openLine({ entries, clock }, { name: this.names.line, lease, provider });
    const stream = { campaign: await this.store.find(), type: 'message_1', recipients: life.bind(this.store), owner, line, lease } as const;
    const { journal, found } = await recover({ ...stream, entries, clock });
    const parts: RunParts = {
      ...stream,
      journal,
      campaigns: life.bind<CampaignStore>(this.store),
      clock,
      sending,
      sendMessage2: null,
      onIdle: null,
      everyone: stream.recipients,
      report: { tell: (event) => life.alive && this.#tell(event) },
      processes: { self: () => owner, end: () => undefined, fate: (other) => (this.dead.has(other.token) ? 'over' : this.fateOfOthers) },
      policy: () => this.policy,
      limit: this.limit,
      optOuts: new OptOutList(life.bind(this.optOuts)),
      persons: new Persons(),
    };
    await before?.();
    const open = new Set([...found.claims, ...found.doubts].map(({ message }) => message));
    const people = await findPersons(stream.recipients, { campaign: stream.campaign.id, total: this.store.rows.length, open });
    const progress = progressOf(await this.store.tally(), { inDoubt: found.doubts.length, unstoredSent: 0, unstoredFailed: 0 });
    const take = { found, progress, duplicates: people.duplicates, settings: {}, ...(assume !== undefined && { assume }) };
    return runCampaign({ ...parts, persons: people.persons }, take, {
      onRun: (run) => {
        this.run = run;
      },
      signalCode: () => 130,
    });
  }

  /** One whole run, with time passing as fast as it can. */
  finish(options: RunOptions = {}): Promise<Ending> {
    return this.clock.run(this.start(options));
  }

  /** A run whose process is killed at its `call`-th call to the outside, before or after that call has its effect; null when it ends before. */
  async killed(call: number, { after }: { after: boolean }): Promise<Ending | null> {
    const life = new Life(call, after);
    return this.clock.run(Promise.race([this.start({ life }), life.over.then(() => null)]));
  }

  stop(): void {
    if (this.run !== null) stopRun(this.run, 'signal', 'SIGINT');
  }

  #tell(event: Event): void {
    if ('progress' in event && !isConsistent(event.progress)) throw new Error(`progress does not add up: ${JSON.stringify(event)}`);
    this.events.push(event);
    this.claimsOpen.push(this.kept().claims.length);
    this.onEvent(event, this.run);
  }

  /** The names of the campaign and of its line. */
  get names(): { campaign: string; line: string } {
    return { campaign: campaignName(this.store.campaign.id, 'message_1'), line: lineName(this.provider.line) };
  }

  /** What is kept of the campaign. */
  kept() {
    const checkpoint = readCheckpoint(this.entries.fields(this.names.campaign));
    return { ...checkpoint, ...keptOf(checkpoint) };
  }

  isClaimed(message: number): boolean {
    return this.kept().claims.some((claim) => claim.message === message);
  }

  /** `wsend pause`: leaves the wish for the run that holds the campaign. */
  askToPause(): Promise<boolean> {
    return this.leases.ask(this.names.campaign, 'pause');
  }

  /** Another run takes the campaign and the line, as though the one that holds them were over. */
  async takenByAnother(names = Object.values(this.names)): Promise<Lease> {
    const holders = names.flatMap((name) => this.leases.rows.get(name)?.owner?.token ?? []);
    const taken = await this.leases.take(names, this.owner(), holders);
    if (!('lease' in taken)) throw new Error('it is held');
    return taken.lease;
  }

  /** A run of another campaign had the line, left it at that pace and gave it back. */
  async lineWasLeftAt(pacing: PacingState): Promise<void> {
    const { line } = this.names;
    const { epoch, release } = await this.takenByAnother([line]);
    await this.entries.open(line, epoch);
    const fields = { pacing: JSON.stringify(pacing), known: String(epoch) };
    await this.entries.write(1, [{ name: line, epoch, fields }]);
    await release();
  }

  /** Changes what is kept of the campaign, as its last run would have. */
  async change(...changes: Change[]): Promise<void> {
    const { campaign } = this.names;
    const { epoch, fields } = (await this.entries.view(campaign)) ?? { epoch: 1, fields: new Map() };
    await this.entries.open(campaign, epoch);
    await this.entries.write(1, [
      { name: campaign, epoch, fields: applyChanges(readCheckpoint(fields), changes, { epoch, owner: this.owner() }) },
    ]);
  }

  statuses(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const row of this.store.rows) counts[row.status] = (counts[row.status] ?? 0) + 1;
    return counts;
  }
}
