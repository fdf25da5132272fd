import type { MessageType } from '../../src/core/campaign.ts';
import { type PacingState, UNPACED } from '../../src/core/pacing.ts';
import { LockLost } from '../../src/errors.ts';
import type {
  Acquired,
  Change,
  Checkpoint,
  CheckpointHeader,
  CheckpointStore,
  CheckpointView,
  Claim,
  Clock,
  CountersMoved,
  Doubt,
  Owner,
  Recovered,
  Retry,
} from '../../src/ports.ts';

type Outcome = Recovered['outcomes'][number];

interface Lock {
  owner: Owner;
  campaign: number;
  type: MessageType;
  until: number;
}

interface Kept {
  header: CheckpointHeader | null;
  claims: Map<number, Claim>;
  outcomes: Map<number, Outcome>;
  doubts: Map<number, Doubt>;
  retries: Map<number, Retry>;
  sent: number;
  failed: number;
  lastMessage: number | null;
  pauseRequested: boolean;
}

/** How long a lock lives without a heartbeat. */
const LOCK_LIFE = 15_000;
/** How long a wish for a line is good. */
const WISH_LIFE = 5_000;

/** The checkpoint contract in memory. It outlives the runs that use it. */
export class MemoryCheckpoints implements CheckpointStore {
  readonly kept = new Map<number, Kept>();
  readonly locks: Map<string, Lock>;
  readonly pacing: Map<string, PacingState>;
  /** Who wants a line, and until when. */
  readonly wanted: Map<string, { token: string; until: number }>;
  readonly #clock: Clock;
  /** Set once it went back in time. */
  #mayHaveForgotten = false;
  /** Called around each commit; may throw, or never resolve. */
  before: (operation: string) => Promise<void> = async () => undefined;
  after: (operation: string) => Promise<void> = async () => undefined;

  readonly #type: MessageType;

  /** The checkpoints of Message 2 share their lines with those of Message 1 (`beside`). */
  constructor(clock: Clock, type: MessageType = 'message_1', beside?: MemoryCheckpoints) {
    this.#clock = clock;
    this.#type = type;
    this.locks = beside?.locks ?? new Map();
    this.pacing = beside?.pacing ?? new Map();
    this.wanted = beside?.wanted ?? new Map();
  }

  of(campaign: number): Kept {
    let kept = this.kept.get(campaign);
    if (kept === undefined) {
      const empty = { claims: new Map(), outcomes: new Map(), doubts: new Map(), retries: new Map() };
      kept = { header: null, ...empty, sent: 0, failed: 0, lastMessage: null, pauseRequested: false };
      this.kept.set(campaign, kept);
    }
    return kept;
  }

  /** Everything is gone, as after a restart of a Redis that keeps nothing. */
  wipe(): void {
    this.kept.clear();
    this.locks.clear();
    this.pacing.clear();
  }

  /** What it holds now; calling it goes back to that, as a fail-over to a replica that was behind does. */
  save(): () => void {
    const { kept, pacing } = structuredClone({ kept: this.kept, pacing: this.pacing });
    return () => {
      this.wipe();
      for (const [campaign, each] of structuredClone(kept)) this.kept.set(campaign, each);
      for (const [line, each] of pacing) this.pacing.set(line, each);
      this.#mayHaveForgotten = true;
    };
  }

  async acquire(campaign: number, line: string, owner: Owner, replacing: string[]): Promise<Acquired> {
    await this.before('acquire');
    const names = { campaign: this.#lockOf(campaign), line: `line:${line}` };
    for (const what of ['campaign', 'line'] as const) {
      const lock = this.locks.get(names[what]);
      const free =
        lock === undefined || lock.until <= this.#clock.now() || lock.owner.token === owner.token || replacing.includes(lock.owner.token);
      if (!free) return { heldBy: lock.owner, what, campaign: lock.campaign, type: lock.type };
    }
    for (const name of Object.values(names)) this.#lock(name, owner, campaign);
    if (this.wanted.get(line)?.token === owner.token) this.wanted.delete(line);
    return { checkpoint: this.#held(campaign, line, owner, names) };
  }

  #lockOf(campaign: number): string {
    return `campaign:${campaign}${this.#type === 'message_1' ? '' : ':message_2'}`;
  }

  #lock(name: string, owner: Owner, campaign: number): void {
    this.locks.set(name, { owner, campaign, type: this.#type, until: this.#clock.now() + LOCK_LIFE });
  }

  #isWanted(line: string): boolean {
    return (this.wanted.get(line)?.until ?? 0) > this.#clock.now();
  }

  #held(campaign: number, line: string, owner: Owner, names: { campaign: string; line: string }): Checkpoint {
    let lent = false;
    const isOurs = (name: string) => {
      const lock = this.locks.get(name);
      return lock !== undefined && lock.until > this.#clock.now() && lock.owner.token === owner.token && lock.type === this.#type;
    };
    const held = () => (lent ? [names.campaign] : [names.campaign, names.line]);
    const hold = () => {
      for (const name of held()) if (!isOurs(name)) throw new LockLost(`${name} is not ours any more`);
      for (const name of held()) this.#lock(name, owner, campaign);
    };
    const step = async <T>(operation: string, work: () => T): Promise<T> => {
      await this.before(operation);
      hold();
      const result = work();
      await this.after(operation);
      return result;
    };
    return {
      recover: () =>
        step('recover', () => {
          const { header, claims, outcomes, doubts, retries } = this.of(campaign);
          const pacing = this.pacing.get(line) ?? UNPACED;
          return structuredClone({
            header,
            claims: [...claims.values()],
            outcomes: [...outcomes.values()],
            doubts: [...doubts.values()],
            retries: [...retries.values()],
            pacing,
            ...(this.#mayHaveForgotten ? { mayHaveForgotten: true as const } : {}),
          });
        }),
      commit: (changes, pacing) =>
        step('commit', () => {
          for (const change of structuredClone(changes)) apply(this.of(campaign), change);
          if (pacing !== null && !lent) this.pacing.set(line, pacing);
          return { pauseRequested: this.of(campaign).pauseRequested, lineWanted: this.#isWanted(line) };
        }),
      lendLine: () =>
        step('lendLine', () => {
          if (!lent) this.locks.delete(names.line);
          lent = true;
        }),
      takeLine: (replacing) =>
        step('takeLine', () => {
          const lock = this.locks.get(names.line);
          const free = lock === undefined || lock.until <= this.#clock.now() || isOurs(names.line) || replacing.includes(lock.owner.token);
          if (!free) return { heldBy: lock.owner };
          if (this.#isWanted(line)) return { heldBy: null };
          this.#lock(names.line, owner, campaign);
          lent = false;
          return { pacing: this.pacing.get(line) ?? UNPACED };
        }),
      begin: (header, counters) =>
        step('begin', () => void Object.assign(this.of(campaign), { header, ...counters, pauseRequested: false })),
      release: (header) =>
        step('release', () => {
          Object.assign(this.of(campaign), { header, pauseRequested: false });
          for (const name of held()) this.locks.delete(name);
        }),
    };
  }

  async view(campaign: number): Promise<CheckpointView> {
    const kept = this.of(campaign);
    const unstored = (kind: 'sent' | 'failed') => [...kept.outcomes.values()].filter((outcome) => outcome.kind === kind).length;
    const lock = this.locks.get(this.#lockOf(campaign));
    return {
      header: kept.header,
      owner: lock !== undefined && lock.until > this.#clock.now() ? lock.owner : null,
      sent: kept.sent,
      failed: kept.failed,
      lastMessage: kept.lastMessage,
      inDoubt: kept.doubts.size,
      claimed: kept.claims.size,
      retrying: kept.retries.size,
      unstored: { sent: unstored('sent'), failed: unstored('failed') },
    };
  }

  async moveCounters({ campaign, sent, failed }: CountersMoved): Promise<void> {
    const kept = this.of(campaign);
    if (kept.header === null) return;
    kept.sent += sent;
    kept.failed += failed;
  }

  async revise(campaign: number, change: (header: CheckpointHeader) => CheckpointHeader, replacing: string[]): Promise<boolean> {
    const kept = this.of(campaign);
    const lock = this.locks.get(this.#lockOf(campaign));
    const held = lock !== undefined && lock.until > this.#clock.now() && !replacing.includes(lock.owner.token);
    if (kept.header === null || held) return false;
    kept.header = change(kept.header);
    this.locks.delete(this.#lockOf(campaign));
    return true;
  }

  async requestPause(campaign: number): Promise<boolean> {
    const lock = this.locks.get(this.#lockOf(campaign));
    if (lock === undefined || lock.until <= this.#clock.now()) return false;
    this.of(campaign).pauseRequested = true;
    return true;
  }

  async wantLine(line: string, { token }: Owner): Promise<void> {
    this.wanted.set(line, { token, until: this.#clock.now() + WISH_LIFE });
  }

  async check(): Promise<{ detail: string; warnings: string[] }> {
    return { detail: 'in memory', warnings: [] };
  }

  async close(): Promise<void> {}
}

function apply(kept: Kept, change: Change): void {
  if (change.type === 'stored') {
    for (const message of change.messages) kept.outcomes.delete(message);
    return;
  }
  const message = messageOf(change);
  const open = kept.claims.has(message) || kept.doubts.has(message) || kept.retries.has(message);
  if (change.type === 'settle' && !open) return;
  kept.claims.delete(message);
  kept.doubts.delete(message);
  kept.retries.delete(message);
  if (change.type === 'claim') kept.claims.set(message, change.claim);
  if (change.type === 'doubt') kept.doubts.set(message, change.doubt);
  if (change.type === 'retry') kept.retries.set(message, change.retry);
  if (change.type === 'settle') {
    kept.outcomes.set(message, change.result);
    kept[change.result.kind] += 1;
    kept.lastMessage = message;
  }
}

function messageOf(change: Exclude<Change, { type: 'stored' }>): number {
  switch (change.type) {
    case 'claim':
      return change.claim.message;
    case 'settle':
      return change.result.message;
    case 'doubt':
      return change.doubt.message;
    case 'retry':
      return change.retry.message;
    case 'forget':
      return change.message;
  }
}
