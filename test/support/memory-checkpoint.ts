import { digestOf } from '../../src/adapters/sql/embedded-checkpoint-apply.ts';
import { fold, messagesOf, type Place } from '../../src/adapters/sql/embedded-checkpoint-fold.ts';
import type { MessageType } from '../../src/core/campaign.ts';
import { type PacingState, UNPACED } from '../../src/core/pacing.ts';
import type { EpochMs } from '../../src/core/units.ts';
import { checkVersion, LeaseLost } from '../../src/errors.ts';
import {
  type Acquired,
  CHECKPOINT_VERSION,
  type Change,
  type Checkpoint,
  type CheckpointHeader,
  type CheckpointStore,
  type CheckpointView,
  type Claim,
  type Clock,
  type CountersMoved,
  type Doubt,
  KEPT_FOR,
  LOCK_LIFE,
  type Owner,
  type Retry,
  type Settled,
  WISH_LIFE,
} from '../../src/ports.ts';

interface Lock {
  owner: Owner;
  campaign: number;
  type: MessageType;
  until: EpochMs;
  pauseRequested: boolean;
  /** The last commit that was applied under it. */
  applied: string | null;
}

/** What is kept of one campaign: plain values, so that it can be cloned. */
interface Kept {
  header: CheckpointHeader | null;
  version: number;
  recipients: Map<number, { place: Place; kept: string }>;
  /** Those that claims and doubts name, by token. */
  owners: Map<string, Owner>;
  sent: number;
  failed: number;
  lastMessage: number | null;
  /** Which acquired checkpoint released it. */
  released: number | null;
  expiresAt: EpochMs | null;
  /** Which server the last run began on. */
  server: number;
}

/** The same as a test reads it. */
type Shown = Pick<Kept, 'header' | 'sent' | 'failed' | 'owners'> & {
  claims: Map<number, Claim>;
  outcomes: Map<number, Settled>;
  doubts: Map<number, Doubt>;
  retries: Map<number, Retry>;
};

/** The checkpoint contract in memory. It outlives the runs that use it. What a commit comes down to is folded as the embedded store does. */
export class MemoryCheckpoints implements CheckpointStore {
  readonly kept = new Map<number, Kept>();
  readonly locks: Map<string, Lock>;
  readonly pacing: Map<string, PacingState>;
  /** Who wants a line, and until when. */
  readonly wanted: Map<string, { token: string; until: EpochMs }>;
  /** Called around each commit; may throw, or never resolve. */
  before: (operation: string) => Promise<void> = async () => undefined;
  after: (operation: string) => Promise<void> = async () => undefined;
  readonly #clock: Clock;
  readonly #type: MessageType;
  /** Checkpoints acquired. */
  #acquired = 0;
  /** Another one once it went back in time. */
  #server = 1;

  /** The checkpoints of Message 2 share their lines with those of Message 1 (`beside`). */
  constructor(clock: Clock, type: MessageType = 'message_1', beside?: MemoryCheckpoints) {
    this.#clock = clock;
    this.#type = type;
    this.locks = beside?.locks ?? new Map();
    this.pacing = beside?.pacing ?? new Map();
    this.wanted = beside?.wanted ?? new Map();
  }

  of(campaign: number): Shown {
    const { header, sent, failed, owners, recipients } = this.#of(campaign);
    const rows = [...recipients].sort(([a], [b]) => a - b);
    const keptIn = <T>(...places: Place[]) =>
      new Map(rows.flatMap(([message, { place, kept }]): [number, T][] => (places.includes(place) ? [[message, JSON.parse(kept)]] : [])));
    const ownerOf = ({ owner }: { owner: string }) => structuredClone(owners.get(owner)) as Owner;
    const claimedIn = <T extends Claim>(place: Place) =>
      new Map([...keptIn<T & { owner: string }>(place)].map(([message, one]): [number, T] => [message, { ...one, owner: ownerOf(one) }]));
    return {
      ...structuredClone({ header, owners }),
      ...{ sent, failed },
      claims: claimedIn<Claim>('claim'),
      doubts: claimedIn<Doubt>('doubt'),
      outcomes: keptIn<Settled>('sent', 'failed'),
      retries: keptIn<Retry>('retry'),
    };
  }

  /** Applies changes to what is kept of a campaign, whoever holds it. */
  apply(campaign: number, changes: Change[]): void {
    const kept = this.#of(campaign);
    const places = messagesOf(changes).flatMap((message): [number, Place][] => {
      const place = kept.recipients.get(message)?.place;
      return place === undefined ? [] : [[message, place]];
    });
    const { put, remove, sent, failed, lastMessage } = fold(changes, new Map(places));
    for (const change of changes) {
      const owner = change.type === 'claim' ? change.claim.owner : change.type === 'doubt' ? change.doubt.owner : null;
      if (owner !== null) kept.owners.set(owner.token, structuredClone(owner));
    }
    for (const [message, place, json] of put) kept.recipients.set(message, { place, kept: json });
    for (const message of remove) kept.recipients.delete(message);
    kept.sent += sent;
    kept.failed += failed;
    kept.lastMessage = lastMessage ?? kept.lastMessage;
  }

  /** Everything is gone, as after a restart of a Redis that keeps nothing. */
  wipe(): void {
    this.kept.clear();
    this.locks.clear();
    this.pacing.clear();
    this.wanted.clear();
  }

  /** What it holds now; calling it goes back to that, as a fail-over to a replica that was behind does. */
  save(): () => void {
    const { kept, pacing } = structuredClone({ kept: this.kept, pacing: this.pacing });
    return () => {
      this.wipe();
      for (const [campaign, each] of structuredClone(kept)) this.kept.set(campaign, each);
      for (const [line, each] of pacing) this.pacing.set(line, each);
      this.#server += 1;
    };
  }

  async acquire(campaign: number, line: string, owner: Owner, replacing: string[]): Promise<Acquired> {
    await this.before('acquire');
    checkVersion(campaign, this.#of(campaign).version);
    const names = { campaign: this.#lockOf(campaign), line: `line:${line}` };
    for (const what of ['campaign', 'line'] as const) {
      const lock = this.#held(names[what]);
      if (lock !== undefined && !this.#isOf(lock, campaign, owner) && !replacing.includes(lock.owner.token))
        return { heldBy: lock.owner, what, campaign: lock.campaign, type: lock.type };
    }
    for (const name of Object.values(names)) this.#lock(name, campaign, owner);
    if (this.wanted.get(line)?.token === owner.token) this.wanted.delete(line);
    return { checkpoint: this.#checkpoint(campaign, line, owner, names) };
  }

  #of(campaign: number): Kept {
    const found = this.kept.get(campaign);
    if (found !== undefined && (found.expiresAt ?? Number.POSITIVE_INFINITY) > this.#clock.now()) return found;
    const none = { header: null, version: CHECKPOINT_VERSION, lastMessage: null, released: null, expiresAt: null };
    const kept = { ...none, recipients: new Map(), owners: new Map(), sent: 0, failed: 0, server: this.#server };
    this.kept.set(campaign, kept);
    return kept;
  }

  #lockOf(campaign: number): string {
    return `campaign:${campaign}${this.#type === 'message_1' ? '' : ':message_2'}`;
  }

  /** The lock of that name while somebody holds it. */
  #held(name: string): Lock | undefined {
    const lock = this.locks.get(name);
    return lock !== undefined && lock.until > this.#clock.now() ? lock : undefined;
  }

  #isOf({ owner: { token }, campaign, type }: Lock, ours: number, owner: Owner): boolean {
    return token === owner.token && campaign === ours && type === this.#type;
  }

  #lock(name: string, campaign: number, owner: Owner): void {
    const before = this.#held(name);
    const pauseRequested = before !== undefined && this.#isOf(before, campaign, owner) && before.pauseRequested;
    const until = this.#clock.now() + LOCK_LIFE;
    this.locks.set(name, { owner: structuredClone(owner), campaign, type: this.#type, until, pauseRequested, applied: null });
  }

  #isWanted(line: string): boolean {
    return (this.wanted.get(line)?.until ?? 0) > this.#clock.now();
  }

  #checkpoint(campaign: number, line: string, owner: Owner, names: { campaign: string; line: string }): Checkpoint {
    this.#acquired += 1;
    const run = this.#acquired;
    let lent = false;
    const ours = () => (lent ? [names.campaign] : [names.campaign, names.line]);
    const isLost = () =>
      ours().some((name) => {
        const lock = this.#held(name);
        return lock === undefined || !this.#isOf(lock, campaign, owner);
      });
    const hold = (): Lock => {
      if (isLost()) throw lockLost();
      for (const name of ours()) (this.locks.get(name) as Lock).until = this.#clock.now() + LOCK_LIFE;
      return this.locks.get(names.campaign) as Lock;
    };
    const lockLost = () => {
      const taken = ours().find((name) => this.#held(name) !== undefined && !this.#isOf(this.#held(name) as Lock, campaign, owner));
      const by = taken === undefined ? undefined : this.#held(taken)?.owner;
      if (by === undefined) return new LeaseLost(`the lock on campaign ${campaign} and line ${line} expired; nothing more is sent`);
      const what = taken === names.campaign ? `campaign ${campaign}` : `line ${line}`;
      return new LeaseLost(`${what} was taken over by process ${by.pid} on ${by.host}; nothing more is sent`);
    };
    const step = async <T>(operation: string, work: () => T): Promise<T> => {
      await this.before(operation);
      const result = work();
      await this.after(operation);
      return result;
    };
    return {
      recover: () =>
        step('recover', () => {
          hold();
          const { header, claims, outcomes, doubts, retries, sent, failed } = this.of(campaign);
          return {
            header,
            claims: [...claims.values()],
            outcomes: [...outcomes.values()],
            doubts: [...doubts.values()],
            retries: [...retries.values()],
            counted: header === null ? null : { sent, failed },
            pacing: this.#pacingOf(line),
            ...(header !== null && this.#of(campaign).server !== this.#server ? { mayHaveForgotten: true as const } : {}),
          };
        }),
      commit: (changes, pacing) =>
        step('commit', () => {
          const lock = hold();
          const digest = digestOf(changes, pacing);
          if (digest !== null && digest !== lock.applied) {
            this.apply(campaign, changes);
            if (pacing !== null && !lent) this.pacing.set(line, structuredClone(pacing));
            lock.applied = digest;
          }
          return { pauseRequested: lock.pauseRequested, lineWanted: this.#isWanted(line) };
        }),
      lendLine: () =>
        step('lendLine', () => {
          hold();
          if (!lent) this.locks.delete(names.line);
          lent = true;
        }),
      takeLine: (replacing) =>
        step('takeLine', () => {
          hold();
          const lock = this.#held(names.line);
          if (lock !== undefined && !this.#isOf(lock, campaign, owner) && !replacing.includes(lock.owner.token))
            return { heldBy: lock.owner };
          if (this.#isWanted(line)) return { heldBy: null };
          this.#lock(names.line, campaign, owner);
          lent = false;
          return { pacing: this.#pacingOf(line) };
        }),
      begin: (header, counters) =>
        step('begin', () => {
          hold().applied = null;
          const kept = this.#of(campaign);
          const { claims, doubts } = this.of(campaign);
          const used = new Set([...claims.values(), ...doubts.values()].map(({ owner: { token } }) => token));
          for (const token of kept.owners.keys()) if (!used.has(token)) kept.owners.delete(token);
          const about = {
            version: CHECKPOINT_VERSION,
            released: null,
            server: this.#server,
            expiresAt: header.finished ? kept.expiresAt : null,
          };
          Object.assign(kept, { ...counters, ...about, header: structuredClone(header) });
        }),
      release: (header) =>
        step('release', () => {
          const kept = this.#of(campaign);
          if (isLost() && kept.released === run) return;
          hold();
          kept.released = run;
          // One that never began holds nothing worth keeping longer than a finished one.
          const finished = header === null ? kept.header === null : header.finished;
          if (header !== null) Object.assign(kept, { version: CHECKPOINT_VERSION, header: structuredClone(header), expiresAt: null });
          if (finished) kept.expiresAt = this.#clock.now() + KEPT_FOR;
          for (const name of ours()) this.locks.delete(name);
        }),
    };
  }

  #pacingOf(line: string): PacingState {
    return structuredClone(this.pacing.get(line) ?? UNPACED);
  }

  async view(campaign: number): Promise<CheckpointView> {
    const { version, lastMessage } = this.#of(campaign);
    checkVersion(campaign, version);
    const { header, sent, failed, claims, outcomes, doubts, retries } = this.of(campaign);
    const unstored = (kind: 'sent' | 'failed') => [...outcomes.values()].filter((outcome) => outcome.kind === kind).length;
    return {
      header,
      owner: structuredClone(this.#held(this.#lockOf(campaign))?.owner ?? null),
      sent,
      failed,
      lastMessage,
      inDoubt: doubts.size,
      claimed: claims.size,
      retrying: retries.size,
      unstored: { sent: unstored('sent'), failed: unstored('failed') },
    };
  }

  async moveCounters({ campaign, sent, failed }: CountersMoved): Promise<void> {
    const kept = this.#of(campaign);
    if (kept.header === null) return;
    kept.sent += sent;
    kept.failed += failed;
  }

  async revise(campaign: number, change: (header: CheckpointHeader) => CheckpointHeader, replacing: string[]): Promise<boolean> {
    const kept = this.#of(campaign);
    const lock = this.#held(this.#lockOf(campaign));
    if (kept.header === null || (lock !== undefined && !replacing.includes(lock.owner.token))) return false;
    kept.header = structuredClone(change(structuredClone(kept.header)));
    kept.expiresAt = kept.header.finished ? this.#clock.now() + KEPT_FOR : null;
    this.locks.delete(this.#lockOf(campaign));
    return true;
  }

  async requestPause(campaign: number): Promise<boolean> {
    const lock = this.#held(this.#lockOf(campaign));
    if (lock !== undefined) lock.pauseRequested = true;
    return lock !== undefined;
  }

  async wantLine(line: string, { token }: Owner): Promise<void> {
    this.wanted.set(line, { token, until: this.#clock.now() + WISH_LIFE });
  }

  async check(): Promise<{ detail: string; warnings: string[] }> {
    return { detail: 'in memory', warnings: [] };
  }

  async close(): Promise<void> {}
}
