import type { Alias } from './incoming.ts';
import type { PacingState } from './pacing.ts';
import { plainJson } from './plain-json.ts';
import { DAY, type EpochMs, type Milliseconds, SECOND } from './units.ts';

// The counting rules, once for every store: what each step of a run changes, and how it is written as fields. Only the run that holds the
// lease writes, so its checkpoint is in the process and every change is written through.

/** The newest format of a checkpoint that this program reads and writes. */
export const CHECKPOINT_VERSION = 1;
/** How long a finished campaign's checkpoint is kept (spec section 3, rule 13). */
export const CHECKPOINT_KEPT_FOR: Milliseconds = 7 * DAY;

/** A call may begin this long after its claim; the lease that the claim was made under lives longer (LEASE_LIFE). */
export const CLAIM_GOOD_FOR: Milliseconds = 10 * SECOND;

/** A process that may send. `machine`, `boot` and `namespace` tell whether `pid` can be looked up from here. */
export interface Owner {
  /** Unique to this run. */
  token: string;
  host: string;
  machine: string;
  boot: string;
  namespace: string;
  pid: number;
  /** When the process started, by the clock of that time. */
  startedAt: EpochMs;
  /** The same as the kernel counts it from boot, which no step of the clock changes; empty where it does not say. */
  birth: string;
  /** What it holds a lease for, in words for people: `campaign 42`. */
  purpose?: string;
  /** It holds its leases for moments only: a run that wants them waits. */
  brief?: boolean;
}

/** The owner of a claim about which nothing is kept. */
const NOBODY: Owner = { token: '', host: '', machine: '', boot: '', namespace: '', pid: 0, startedAt: 0, birth: '' };

/** The durable note "I am about to send this reference". */
export interface Claim {
  message: number;
  reference: string;
  phone: string;
  line: string;
  /** From 1. */
  attempt: number;
  at: EpochMs;
  owner: Owner;
  /** When its call had surely begun, if it ever did: known once its run was seen to be over. */
  begunBy?: EpochMs;
}

/** A recipient whose last attempt's outcome is unknown: the claim, and why. */
export interface Doubt extends Claim {
  reason: string;
}

/** A recipient that certainly was not taken and is tried again. */
export interface Retry {
  message: number;
  /** Attempts used up so far. */
  attempts: number;
  dueAt: EpochMs;
}

/** The end of one recipient. `providerId` is what `messages` holds of the two ids; `whatsappId` may be the other. */
export type Settled =
  | {
      kind: 'sent';
      message: number;
      providerId: string | null;
      whatsappId?: string | null;
      /** The line that it was accepted on. */
      line?: string | null;
      /** What the provider calls the recipient, where that is not the number that was sent to. */
      alias?: Alias | null;
      at: EpochMs;
      attempts: number;
      /** Why it counts as sent where the provider did not say so: the operator's word. */
      note?: string;
    }
  | {
      kind: 'failed';
      message: number;
      code: string;
      reason: string;
      at: EpochMs;
      attempts: number;
      providerId: string | null;
      whatsappId?: string | null;
      line?: string | null;
    };

/** Settings given by flag when the campaign was run; they outrank the environment on every resume. */
export type CampaignSettings = Partial<Record<'delay' | 'batchSize' | 'batchPause' | 'concurrency', number>>;

/** What belongs to the campaign as a whole. */
export interface CheckpointHeader {
  version: number;
  /** Tells this campaign from one with the same id in another or a recreated database. */
  identity: string;
  settings: CampaignSettings;
  /** Why it is not running although it is unfinished; null while it runs. */
  paused: { reason: string; detail: string; at: EpochMs } | null;
  /** True once the campaign is completed or failed; from then on the checkpoint may expire (CHECKPOINT_KEPT_FOR). */
  finished: boolean;
}

/** Where a recipient is while it is not simply pending. It is in one of these at most. */
export type Kept =
  | { is: 'claim'; claim: Claim }
  | { is: 'doubt'; doubt: Doubt }
  | { is: 'retry'; retry: Retry }
  /** Settled, and not in the database yet. */
  | { is: 'outcome'; result: Settled };

/** Everything that is kept of one campaign's Message 1 (or 2). */
export interface Checkpoint {
  header: CheckpointHeader | null;
  /** How many were settled, by all runs; null where it was never counted. */
  counted: { sent: number; failed: number } | null;
  /** The message that was settled last. */
  lastMessage: number | null;
  recipients: Map<number, Kept>;
  /** The epoch whose run knew everything. */
  known: number | null;
  /** Which process of the store the last run began on, where a store may forget. */
  server: string | null;
  /** The owner of each run that claims name, by its epoch. */
  owners: Map<number, Owner>;
}

/** One durable step. Those about a recipient name its message, and take it out of wherever it was. */
export type Change =
  | { type: 'claim'; claim: Claim }
  /** The outcome of a recipient; counts into `sent` or `failed`. Kept until `stored`. */
  | { type: 'settle'; result: Settled }
  | { type: 'doubt'; doubt: Doubt }
  | { type: 'retry'; retry: Retry }
  /** Back to plain pending: neither claimed nor in doubt nor waiting. */
  | { type: 'forget'; message: number }
  /** The database holds these outcomes now; the checkpoint need not. */
  | { type: 'stored'; messages: number[] }
  | { type: 'header'; header: CheckpointHeader }
  /** The counters as the database has them. */
  | { type: 'count'; sent: number; failed: number }
  /** By how much the counters move: what had been accepted failed after all, or the other way round. */
  | { type: 'move'; sent: number; failed: number }
  /** Whatever could not be trusted was looked up: this run knows everything, on this process of the store. */
  | { type: 'know'; server: string };

/** What is kept under one name, by field; null takes a field away. */
export type Fields = Record<string, string | null>;

/** The name of a campaign's Message 1 (or 2), for its lease and its checkpoint. */
export function campaignName(campaign: number, type: 'message_1' | 'message_2'): string {
  return `campaign:${campaign}:${type}`;
}

/** The name of a line, for its lease and its pace. */
export function lineName(line: string): string {
  return `line:${line}`;
}

/** A checkpoint as its fields say it. */
export function readCheckpoint(fields: ReadonlyMap<string, string>): Checkpoint {
  const number = (name: string) => (fields.has(name) ? Number(fields.get(name)) : null);
  const owners = new Map<number, Owner>();
  for (const [name, text] of fields) if (name.startsWith(RUN)) owners.set(Number(name.slice(RUN.length)), JSON.parse(text) as Owner);
  const recipients = new Map<number, Kept>();
  for (const [name, text] of fields) if (/^-?\d+$/.test(name)) recipients.set(Number(name), readKept(JSON.parse(text) as Written, owners));
  const header = fields.get('header');
  const [sent, failed] = [number('sent'), number('failed')];
  return {
    header: header === undefined ? null : (JSON.parse(header) as CheckpointHeader),
    counted: sent === null && failed === null ? null : { sent: sent ?? 0, failed: failed ?? 0 },
    lastMessage: number('last_message'),
    recipients: new Map([...recipients].sort(([a], [b]) => a - b)),
    known: number('known'),
    server: fields.get('server') ?? null,
    owners,
  };
}

/** Applies changes in order to the checkpoint of the run with that epoch, and returns the fields that change by it. */
export function applyChanges(
  checkpoint: Checkpoint,
  changes: readonly Change[],
  { epoch, owner }: { epoch: number; owner: Owner },
): Fields {
  const fields: Fields = {};
  const { counted, lastMessage } = checkpoint;
  for (const change of changes) {
    if (change.type === 'header') {
      checkpoint.header = change.header;
      fields.header = plainJson(change.header);
    } else if (change.type === 'count') {
      checkpoint.counted = { sent: change.sent, failed: change.failed };
    } else if (change.type === 'move') {
      const { sent, failed } = checkpoint.counted ?? { sent: 0, failed: 0 };
      checkpoint.counted = { sent: Math.max(0, sent + change.sent), failed: Math.max(0, failed + change.failed) };
    } else if (change.type === 'know') {
      Object.assign(checkpoint, { known: epoch, server: change.server });
      Object.assign(fields, { known: String(epoch), server: change.server, ...ownersOnly(checkpoint, epoch, owner) });
    } else if (change.type === 'stored') {
      for (const message of change.messages) if (checkpoint.recipients.get(message)?.is === 'outcome') remove(checkpoint, message, fields);
    } else if (change.type === 'forget') remove(checkpoint, change.message, fields);
    else put(checkpoint, keptAfter(change), fields);
  }
  if (checkpoint.counted !== counted || checkpoint.lastMessage !== lastMessage) Object.assign(fields, countersOf(checkpoint));
  return fields;
}

/**
 * How a checkpoint changes with what was reported of its campaign: by how much the counters move, and who was `settled` in the database, so that
 * they are open no more. An outcome that the database had not got yet is counted here already.
 */
export function afterReports(
  { recipients }: Pick<Checkpoint, 'recipients'>,
  { sent, failed, settled }: { sent: number; failed: number; settled: number[] },
): Change[] {
  const kept = settled.flatMap((message) => recipients.get(message) ?? []);
  const counted = (kind: Settled['kind']) => kept.filter((one) => one.is === 'outcome' && one.result.kind === kind).length;
  return [
    ...settled.map((message): Change => ({ type: 'forget', message })),
    { type: 'move', sent: sent - counted('sent'), failed: failed - counted('failed') },
  ];
}

/** The pace of a line as its field says it, or null where it is not kept. */
export function readPacing(fields: ReadonlyMap<string, string>): PacingState | null {
  const text = fields.get('pacing');
  return text === undefined ? null : (JSON.parse(text) as PacingState);
}

/** A checkpoint's recipients of one kind, by message. */
export function keptOf({ recipients }: Checkpoint) {
  const all = [...recipients.values()];
  return {
    claims: all.flatMap((kept) => (kept.is === 'claim' ? [kept.claim] : [])),
    doubts: all.flatMap((kept) => (kept.is === 'doubt' ? [kept.doubt] : [])),
    retries: all.flatMap((kept) => (kept.is === 'retry' ? [kept.retry] : [])),
    outcomes: all.flatMap((kept) => (kept.is === 'outcome' ? [kept.result] : [])),
  };
}

const RUN = 'run:';

function keptAfter(change: Extract<Change, { type: 'claim' | 'settle' | 'doubt' | 'retry' }>): Kept {
  if (change.type === 'claim') return { is: 'claim', claim: change.claim };
  if (change.type === 'doubt') return { is: 'doubt', doubt: change.doubt };
  return change.type === 'retry' ? { is: 'retry', retry: change.retry } : { is: 'outcome', result: change.result };
}

/** Puts a recipient where it is now. An outcome is counted once, and one that overrules another moves the count. */
function put(checkpoint: Checkpoint, kept: Kept, fields: Fields): void {
  const message = messageOf(kept);
  const before = checkpoint.recipients.get(message);
  if (kept.is === 'outcome') {
    const counted = { ...(checkpoint.counted ?? { sent: 0, failed: 0 }) };
    counted[kept.result.kind] += 1;
    if (before?.is === 'outcome') counted[before.result.kind] -= 1;
    else checkpoint.lastMessage = message;
    checkpoint.counted = counted;
  }
  checkpoint.recipients.set(message, kept);
  fields[message] = plainJson(writeKept(kept, checkpoint.owners));
}

function remove({ recipients }: Checkpoint, message: number, fields: Fields): void {
  if (recipients.delete(message)) fields[message] = null;
}

function countersOf({ counted, lastMessage }: Checkpoint): Fields {
  const { sent, failed } = counted ?? { sent: 0, failed: 0 };
  return { sent: String(sent), failed: String(failed), ...(lastMessage === null ? {} : { last_message: String(lastMessage) }) };
}

/** Keeps the owner of this run, and those that a claim or a doubt names. */
function ownersOnly({ owners, recipients }: Checkpoint, epoch: number, owner: Owner): Fields {
  const named = new Set<string>([...recipients.values()].map((kept) => claimOf(kept)?.owner.token ?? ''));
  const fields: Fields = {};
  for (const [run, { token }] of owners) {
    if (named.has(token)) continue;
    owners.delete(run);
    fields[RUN + run] = null;
  }
  owners.set(epoch, owner);
  fields[RUN + epoch] = plainJson(owner);
  return fields;
}

/** A recipient as it is written: a claim names the run that made it by its epoch, because a run makes thousands of them. */
type Written =
  | { is: 'retry'; retry: Retry }
  | { is: 'outcome'; result: Settled }
  | ({ is: 'claim'; run: number } & Omit<Claim, 'owner'>)
  | ({ is: 'doubt'; run: number } & Omit<Doubt, 'owner'>);

function writeKept(kept: Kept, owners: ReadonlyMap<number, Owner>): Written {
  if (kept.is === 'retry' || kept.is === 'outcome') return kept;
  const { owner, ...rest } = kept.is === 'claim' ? kept.claim : kept.doubt;
  let run = 0;
  for (const [epoch, { token }] of owners) if (token === owner.token) run = epoch;
  return { is: kept.is, run, ...rest } as Written;
}

function readKept(written: Written, owners: ReadonlyMap<number, Owner>): Kept {
  if (written.is === 'retry' || written.is === 'outcome') return written;
  const { is, run, ...rest } = written;
  const claim = { ...rest, owner: owners.get(run) ?? NOBODY };
  return is === 'claim' ? { is, claim } : { is, doubt: claim as Doubt };
}

function claimOf(kept: Kept): Claim | undefined {
  return kept.is === 'claim' ? kept.claim : kept.is === 'doubt' ? kept.doubt : undefined;
}

function messageOf(kept: Kept): number {
  if (kept.is === 'claim') return kept.claim.message;
  if (kept.is === 'doubt') return kept.doubt.message;
  return kept.is === 'retry' ? kept.retry.message : kept.result.message;
}
