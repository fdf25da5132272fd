import type { Campaign, MessageType } from '../core/campaign.ts';
import {
  applyChanges,
  CHECKPOINT_KEPT_FOR,
  type Change,
  type Checkpoint,
  type CheckpointHeader,
  campaignName,
  lineName,
  type Owner,
  readCheckpoint,
} from '../core/checkpoint.ts';
import { formatDuration, MINUTE, type Milliseconds } from '../core/units.ts';
import { HeldElsewhere } from '../errors.ts';
import { type HeldLease, holdLease } from '../loop/held-lease.ts';
import type { Journal } from '../loop/journal.ts';
import type { Line } from '../loop/parts.ts';
import type { RecipientStore } from '../ports/campaign-store.ts';
import { LEASE_LIFE } from '../ports/leases.ts';
import type { Provider } from '../ports/provider.ts';
import type { World } from '../world.ts';
import { openLine, type Recovered, recover, refuseOthers } from './recover.ts';

/** Who holds a name for moments only, a listener that sends a few Message 2 say, is waited for this long. */
const BRIEF_PATIENCE: Milliseconds = MINUTE;
/** Between two looks at it. */
const ASK_AGAIN: Milliseconds = 200;

/** Names to be held, and who wants them. */
interface Wanted {
  names: string[];
  owner: Owner;
}

/** The lease on these names, held; who holds one of them is a HeldElsewhere. A lease whose process is certainly over is taken over at once. */
export async function takeLease(world: World, { names, owner }: Wanted): Promise<HeldLease> {
  const giveUpAt = world.clock.now() + BRIEF_PATIENCE;
  for (;;) {
    const answer = await tryLease(world, { names, owner });
    if ('lease' in answer) return answer.lease;
    if (answer.heldBy.brief !== true || world.clock.now() >= giveUpAt) throw held(world, answer.name, answer.heldBy);
    await world.clock.sleep(world.clock.now() + ASK_AGAIN);
  }
}

/** The same without waiting: the lease, or who holds which name. */
export async function tryLease(world: World, { names, owner }: Wanted): Promise<{ lease: HeldLease } | { heldBy: Owner; name: string }> {
  const leases = await world.leases();
  const processes = await world.processes();
  const dead: string[] = [];
  for (;;) {
    const asked = world.clock.now();
    const answer = await leases.take(names, owner, dead);
    if ('lease' in answer) return { lease: holdLease(answer.lease, world.clock, asked) };
    if (dead.includes(answer.heldBy.token) || processes.fate(answer.heldBy) !== 'over') return answer;
    dead.push(answer.heldBy.token);
  }
}

function held({ nextStep }: World, name: string, { host, pid, startedAt, purpose = 'a run' }: Owner): HeldElsewhere {
  const who = `process ${pid} on ${host}, begun ${new Date(startedAt).toISOString()}`;
  const expires = `the lease of a crashed run expires after ${formatDuration(LEASE_LIFE)}`;
  const [kind, campaign] = name.split(':');
  if (kind === 'campaign')
    return new HeldElsewhere(
      `campaign ${campaign} is held by another run (${who})`,
      `Stop it with ${nextStep(`wsend pause ${campaign}`)}; ${expires}.`,
    );
  return new HeldElsewhere(`the line is held by the run of ${purpose} (${who})`, `Wait until it is done, or pause it; ${expires}.`);
}

/** One campaign's Message 1 or 2, on one line. */
export interface Stream {
  campaign: Campaign;
  type: MessageType;
  recipients: RecipientStore;
  provider: Provider;
  owner: Owner;
  /** The line, where it is ours already. */
  line: Line | null;
}

/** What is open while a lease is held. */
export interface Opened {
  lease: HeldLease;
  line: Line;
  journal: Journal;
  found: Recovered;
}

/** The names that a stream is held under. */
export function namesOf({ campaign, type, provider, line }: Stream): string[] {
  return [campaignName(campaign.id, type), ...(line === null ? [lineName(provider.line)] : [])];
}

/** Opens the line and the checkpoint under a lease, does `work` with them, and gives the lease back. */
export async function underLease<T>(world: World, lease: HeldLease, stream: Stream, work: (opened: Opened) => Promise<T>): Promise<T> {
  const { clock } = world;
  try {
    const entries = await world.entries();
    const { provider } = stream;
    await refuseOthers({ ...stream, entries });
    const line = stream.line ?? (await openLine({ entries, clock }, { name: lineName(provider.line), lease, provider }));
    const opened = await recover({ ...stream, entries, lease, line, clock });
    return await work({ lease, line, ...opened });
  } finally {
    (await world.processes()).end(stream.owner);
    const isGiven = await lease.release();
    if (!isGiven) world.show.aside(`The lease could not be released; it expires after ${formatDuration(LEASE_LIFE)}.`);
  }
}

/**
 * Changes the checkpoint of a campaign's Message 1 (or 2) that no run holds. False when a run holds it, or what is here is not what the last run knew; then
 * nothing is changed.
 */
export async function adjust(
  world: World,
  { campaign, type = 'message_1' }: { campaign: number; type?: MessageType },
  change: (kept: Checkpoint & { header: CheckpointHeader }) => Change[],
): Promise<boolean> {
  const { header, isLatest } = await world.view(campaign, type);
  if (header === null || !isLatest) return false;
  const name = campaignName(campaign, type);
  const owner: Owner = { ...(await world.processes()).self(), purpose: `campaign ${campaign}`, brief: true };
  const answer = await tryLease(world, { names: [name], owner });
  if (!('lease' in answer)) return false;
  const { lease } = answer;
  try {
    return await amend(world, { lease, name, owner }, ({ header, ...kept }) => (header === null ? null : change({ ...kept, header })));
  } finally {
    await lease.release();
    (await world.processes()).end(owner);
  }
}

/**
 * Changes the checkpoint under a name whose lease is held, so that the next to look still finds all that the last run knew. False, and nothing is
 * changed, when nothing is kept here, it is not what the last run knew, or `change` says null.
 */
export async function amend(
  world: World,
  { lease, name, owner }: { lease: HeldLease; name: string; owner: Owner },
  change: (checkpoint: Checkpoint) => Change[] | null,
): Promise<boolean> {
  const entries = await world.entries();
  if ((await entries.view(name)) === null) return false;
  const { epoch } = lease;
  const checkpoint = readCheckpoint((await entries.open(name, epoch)).fields);
  if (checkpoint.known !== lease.before(name).epoch) return false;
  const changes = change(checkpoint);
  if (changes === null) return false;
  const fields = applyChanges(checkpoint, [...changes, { type: 'know', server: checkpoint.server ?? '' }], { epoch, owner });
  await entries.write(1, [{ name, epoch, fields, keptFor: checkpoint.header?.finished ? CHECKPOINT_KEPT_FOR : null }]);
  return true;
}
