import { type Campaign, identityOf, type MessageType } from '../core/campaign.ts';
import {
  CHECKPOINT_VERSION,
  type Checkpoint,
  type CheckpointHeader,
  type Claim,
  campaignName,
  type Doubt,
  keptOf,
  type Owner,
  type Retry,
  readCheckpoint,
  readPacing,
  type Settled,
} from '../core/checkpoint.ts';
import { knowNothing } from '../core/list-knowledge.ts';
import type { Finding } from '../core/outcome.ts';
import { type PacingState, UNPACED } from '../core/pacing.ts';
import { UsageError } from '../errors.ts';
import type { HeldLease } from '../loop/held-lease.ts';
import { Journal } from '../loop/journal.ts';
import type { Wanted } from '../loop/look-up.ts';
import { paced } from '../loop/paced.ts';
import type { Line } from '../loop/parts.ts';
import { WakeSignal } from '../loop/wake-signal.ts';
import type { RecipientStore } from '../ports/campaign-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { Entries } from '../ports/entries.ts';
import type { Provider } from '../ports/provider.ts';

/** Everything a run finds when it takes a campaign up. */
export interface Recovered {
  /**
   * What is found is all that the last run knew: the run that had the lease before this one knew everything, and wrote it here. False where
   * another store had the last run, where this one or the database was emptied, restored or copied, or where the last run ended before it knew.
   */
  trusted: boolean;
  /** The store was restarted or replaced since: what it confirmed in its last seconds may be gone. */
  mayHaveForgotten: boolean;
  /** Null when nothing of this campaign is kept here. */
  header: CheckpointHeader | null;
  claims: Claim[];
  doubts: Doubt[];
  retries: Retry[];
  outcomes: Settled[];
  /** How many were counted as settled, by all runs; the database has as many, unless it went back in time. */
  counted: { sent: number; failed: number } | null;
  /** Which process of the store it was found on. */
  server: string;
}

/** What opening a campaign's checkpoint takes. */
export interface Opening {
  campaign: Campaign;
  type: MessageType;
  recipients: RecipientStore;
  entries: Entries;
  lease: HeldLease;
  line: Line;
  owner: Owner;
  clock: Clock;
}

/**
 * Opens a line under its lease. Its last start is known when the one who had it before gave it back and wrote its pace here; otherwise a send may
 * just have begun, and one whole delay is waited from now.
 */
export async function openLine(
  { entries, clock }: { entries: Entries; clock: Clock },
  { name, lease, provider }: { name: string; lease: HeldLease; provider: Provider },
): Promise<Line> {
  const { fields } = await entries.open(name, lease.epoch);
  const { epoch, givenBack } = lease.before(name);
  const kept: PacingState = readPacing(fields) ?? UNPACED;
  const isKnown = epoch === null ? !fields.has('known') : givenBack && fields.get('known') === String(epoch);
  const pacing = isKnown ? kept : { ...kept, lastStart: clock.now() };
  const bell = new WakeSignal();
  const asked = { at: 0, starts: 0, underWay: false };
  const unasked = { starts: 0, askFirst: true, asked, queue: null };
  const fresh = { batches: 0, calls: 0, trouble: null, unexpectedInARow: 0, resting: false, message2Due: false };
  return { name, lease, provider, lookUp: pacedLookUp(provider, clock), list: knowNothing(), pacing, bell, ...fresh, ...unasked };
}

/** A 429 is waited for; a look-up that got no answer is repeated by those who look several times anyway. */
function pacedLookUp(provider: Provider, clock: Clock): Line['lookUp'] {
  const lookUp = provider.lookUp?.bind(provider);
  const reason = `${provider.name} cannot be asked what became of a message`;
  if (lookUp === undefined) return async () => ({ kind: 'unaskable', reason });
  const waitOf = (finding: Finding) => (finding.kind === 'unsure' ? (finding.askAgainAfterMs ?? undefined) : undefined);
  return paced((wanted: Wanted) => lookUp(wanted), { clock, perSecond: provider.lookUpsPerSecond, waitOf });
}

/**
 * Opens a campaign's checkpoint under its lease, and gives the database the outcomes that only the checkpoint has. The first thing that a run
 * does. Rejects with UsageError when the checkpoint belongs to another campaign or to rows that are no longer there.
 */
export async function recover(opening: Opening): Promise<{ journal: Journal; found: Recovered }> {
  const { campaign, type, recipients, entries, lease, line, owner, clock } = opening;
  const name = campaignName(campaign.id, type);
  const { fields, server } = await entries.open(name, lease.epoch);
  const checkpoint = readCheckpoint(fields);
  const before = lease.before(name).epoch;
  const journal = new Journal({ entries, clock, owner, checkpoint, campaign: { name, epoch: lease.epoch }, line });
  if (!belongsTo(campaign, checkpoint)) await forgetAll(journal);
  const { header, counted, known } = checkpoint;
  // A campaign that is being sent although no run ever had its lease: wsend's tables were lost, or another program began it.
  const begunUnseen = before === null && type === 'message_1' && campaign.status === 'sending';
  const trusted = known === before && !begunUnseen;
  if (known !== null && known > (before ?? 0)) lease.wentBack();
  await refuseStrangeRows(campaign, { recipients, checkpoint, trusted });
  const mayHaveForgotten = header !== null && (server === '' || server !== checkpoint.server);
  const found: Recovered = { trusted, mayHaveForgotten, header, counted, server, ...keptOf(checkpoint) };
  await leaveOutSettled(campaign, recipients, found);
  if (trusted) await storeOutcomes(campaign, recipients, journal, found);
  return { journal, found };
}

/**
 * Rejects with UsageError when a campaign's checkpoint is not for this run to open: a newer wsend wrote it, or it belongs to another campaign. Asked
 * before anything is opened, for that would shut the other's run out.
 */
export async function refuseOthers({ campaign, type, entries }: Pick<Opening, 'campaign' | 'type' | 'entries'>): Promise<void> {
  const kept = await entries.view(campaignName(campaign.id, type));
  if (kept === null) return;
  const checkpoint = readCheckpoint(kept.fields);
  checkVersion(campaign, checkpoint);
  belongsTo(campaign, checkpoint);
}

/** What only a trusted checkpoint has goes to the database. From then on this run knows what the last one knew, unless the store may have forgotten some. */
async function storeOutcomes(campaign: Campaign, recipients: RecipientStore, journal: Journal, found: Recovered): Promise<void> {
  const { outcomes, mayHaveForgotten, server } = found;
  if (outcomes.length > 0) await recipients.record(campaign.id, outcomes);
  const stored = { type: 'stored', messages: outcomes.map(({ message }) => message) } as const;
  await journal.write(stored, ...(mayHaveForgotten ? [] : [{ type: 'know', server } as const]));
}

/** Whom a report has settled since is open no more. */
async function leaveOutSettled({ id }: Campaign, recipients: RecipientStore, found: Recovered): Promise<void> {
  const open = [...found.claims, ...found.doubts, ...found.retries].map(({ message }) => message);
  if (open.length === 0) return;
  const settled = new Set((await recipients.settled(id, open)).map(({ message }) => message));
  const isOpen = ({ message }: { message: number }) => !settled.has(message);
  found.claims = found.claims.filter(isOpen);
  found.doubts = found.doubts.filter(isOpen);
  found.retries = found.retries.filter(isOpen);
}

/** UsageError when a newer wsend wrote this checkpoint: what it means by it cannot be known. */
function checkVersion({ id }: Campaign, { header }: Checkpoint): void {
  if (header === null || header.version <= CHECKPOINT_VERSION) return;
  throw new UsageError(
    `the checkpoint of campaign ${id} has format ${header.version}, this wsend knows ${CHECKPOINT_VERSION}`,
    'Use the newer wsend that wrote it.',
  );
}

/** Whether it is the checkpoint of this campaign; that of a finished one with the same number in an earlier database counts as none. */
function belongsTo(campaign: Campaign, { header }: Checkpoint): boolean {
  if (header === null || header.identity === identityOf(campaign)) return true;
  if (header.finished) return false;
  throw new UsageError(
    `the checkpoint of campaign ${campaign.id} belongs to another campaign with that number (${header.identity}; this one: ${identityOf(campaign)})`,
    'Give each database a checkpoint of its own: another database number in REDIS_URL, or no REDIS_URL at all.',
  );
}

/** Nothing is left of a campaign that had this number before. */
async function forgetAll(journal: Journal): Promise<void> {
  const { checkpoint } = journal;
  await journal.write(...[...checkpoint.recipients.keys()].map((message) => ({ type: 'forget', message }) as const));
  Object.assign(checkpoint, { header: null, counted: null, lastMessage: null, known: null });
}

/** Rows that were created again have other ids, so other references: it could not be told who has got the message. */
async function refuseStrangeRows(
  campaign: Campaign,
  { recipients, checkpoint, trusted }: { recipients: RecipientStore; checkpoint: Checkpoint; trusted: boolean },
): Promise<void> {
  const { counted, lastMessage } = checkpoint;
  const settled = (counted?.sent ?? 0) + (counted?.failed ?? 0);
  if (settled === 0 || (await recipients.has(campaign.id, trusted ? null : (lastMessage ?? null)))) return;
  throw new UsageError(
    `the checkpoint of campaign ${campaign.id} counts ${settled} recipients, but the database no longer has their rows (it was restored from a backup, or the rows were created again)`,
    `Restore a backup that has the campaign's messages. Sending now would reach these people again: if you want that, make a new campaign.`,
  );
}
